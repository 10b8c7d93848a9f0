package grader_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"wheelhouse/content"
	"wheelhouse/grader"
)

var configMaps = map[string]content.Object{"maps": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default"}}

// configMap is a manifest of one with so many bytes of data.
func configMap(name string, size int) string {
	return fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, namespace: default}, data: {x: %q}}", name, strings.Repeat("x", size))
}

func putConfigMaps(t *testing.T, api *apiServer, count, size int) {
	data := map[string]any{"x": strings.Repeat("x", size)}
	for i := range count {
		about := map[string]any{"name": fmt.Sprintf("c%d", i), "namespace": "default"}
		one := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}
		api.update(func() { api.set(t, &unstructured.Unstructured{Object: one}) })
	}
}

func TestTooManyObjects(t *testing.T) {
	const tooMany = "TooLarge: A check can look at 3000 objects of a kind at most, and there is more in the cluster: ConfigMap in namespace default."
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		putConfigMaps(t, api, 3000, 1)
		api.put(t, replicas(3))
		both := lab(configMaps, is("size(maps) <= 3000", "no"))
		both.Steps[0].Checks = append(both.Steps[0].Checks, three().Steps[0].Checks...)
		_, seen := watch(t, api, both, "step")
		within(t, time.Second, seen, "Passed | Passed")
		api.put(t, configMap("more", 1))
		within(t, time.Second, seen, tooMany+" It goes on once there is less. | Passed")
		api.put(t, replicas(2)) // what else there is goes on
		within(t, time.Second, seen, tooMany+" It goes on once there is less. | Wrong: three, please")
		api.remove("configmaps/default/c1")
		within(t, 10*time.Second, seen, "Passed | Wrong")
	})
}

func TestTooManyNamesAreNotNear(t *testing.T) {
	api := newAPIServer(t)
	putConfigMaps(t, api, 3001, 1)
	got := evaluate(t, api, lab(map[string]content.Object{"m": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "c"}}, is("true", "no")))
	if want := "There is no ConfigMap named c in namespace default."; got.Reason != grader.ReasonNotFound || got.Message != want {
		t.Errorf("got %s %q, want %q", got.Reason, got.Message, want)
	}
}

func TestObjectsThatAreTooLarge(t *testing.T) {
	const listed = "TooLarge: A check can look at 8 MiB of objects of a kind at most"
	api := newAPIServer(t)
	putConfigMaps(t, api, 9, 1<<20)
	if got := outcomeOf(evaluate(t, api, lab(configMaps, is("true", "no"))), nil); !strings.HasPrefix(got, listed) {
		t.Errorf("got %s, want %s", got, listed)
	}
	synctest.Test(t, func(t *testing.T) {
		api := newAPIServer(t)
		_, seen := watch(t, api, lab(configMaps, is("true", "no")), "step")
		putConfigMaps(t, api, 31, 1<<20) // one after the other, all of them in one watch
		within(t, time.Second, seen, "Passed")
		putConfigMaps(t, api, 34, 1<<20)
		within(t, time.Second, seen, "TooLarge: A check can look at 32 MiB of objects in all at most")
		within(t, 10*time.Second, seen, listed)
		for i := range 32 {
			api.remove(fmt.Sprintf("configmaps/default/c%d", i))
		}
		within(t, 10*time.Second, seen, "Passed")
	})
}

// What is counted is what is taken, or a limit on it would be none.
func TestSizesAreThoseOfMemory(t *testing.T) {
	for name, build := range map[string]func() any{
		"text":       func() any { return strings.Repeat("x", 4<<20) },
		"empty maps": func() any { return many(100_000, func(int) any { return map[string]any{} }) },
		"small maps": func() any { return many(20_000, func(i int) any { return map[string]any{fmt.Sprint(i): "x"} }) },
		"texts":      func() any { return many(100_000, func(i int) any { return fmt.Sprint("text", i) }) },
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.GC() // what pools keep goes with the second
			runtime.ReadMemStats(&before)
			value := build()
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(value)
			taken, counted := int64(after.HeapAlloc-before.HeapAlloc), grader.SizeOf(value)
			if counted < taken/2 || counted > 3*taken {
				t.Errorf("it takes %d bytes, and %d are counted", taken, counted)
			}
		})
	}
}

func many(count int, one func(int) any) []any {
	list := make([]any, count)
	for i := range list {
		list[i] = one(i)
	}
	return list
}

// hostile serves an API server on a port, where some requests are answered by
// another.
func hostile(t *testing.T, api *apiServer, answers func(w http.ResponseWriter, r *http.Request) bool) *rest.Config {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answers(w, r) {
			api.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

// forever writes until the reader has gone, and counts.
func forever(w http.ResponseWriter, written *int) {
	for block := []byte(strings.Repeat(" ", 64<<10)); ; {
		n, err := w.Write(block)
		if *written += n; err != nil {
			return
		}
	}
}

func TestAnswersWithoutEnd(t *testing.T) {
	for what, want := range map[string]string{
		"/api/v1":                               "TooLarge: The cluster's list of the kinds of v1 has more than 8 MiB",
		"/api/v1/namespaces/default/configmaps": "TooLarge: A check can look at 8 MiB of objects of a kind at most",
	} {
		written, ended := 0, make(chan struct{})
		config := hostile(t, newAPIServer(t), func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != what {
				return false
			}
			defer close(ended)
			w.Header().Set("Content-Type", "application/json")
			forever(w, &written)
			return true
		})
		if got := outcomeOf(evaluateOn(t, config, lab(configMaps, is("true", "no"))), nil); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
		<-ended
		if written > 32<<20 { // what was read, and what is under way
			t.Errorf("%s: %d MiB were taken", what, written>>20)
		}
	}
}

func TestGarbage(t *testing.T) {
	for _, test := range []struct{ what, want string }{
		{"kinds", "Unknown The cluster does not tell about ConfigMap in namespace default; it is tried again."},
		{"list", "Unknown The cluster does not tell about ConfigMap in namespace default; it is tried again."},
		{"watch", "True "},
	} {
		api := newAPIServer(t)
		config := hostile(t, api, func(w http.ResponseWriter, r *http.Request) bool {
			watch := r.URL.Query().Has("watch")
			if kind := map[bool]string{true: "watch", false: "list"}[watch]; !(strings.HasSuffix(r.URL.Path, "/configmaps") && test.what == kind || r.URL.Path == "/api/v1" && test.what == "kinds") {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "<html>}{")
			return true
		})
		told := make(chan []grader.Result, 100)
		watcher := compiled(t, lab(configMaps, is("true", "no"))).Watch(config, grader.Options{OnResults: func(results []grader.Result) { told <- results }})
		watcher.Open([]string{"step"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- watcher.Run(ctx) }()
		next(t, told, test.what, func(r []grader.Result) bool { return string(r[0].Status)+" "+r[0].Message == test.want })
		cancel()
		<-done
	}
}

func TestAnswersOfApplications(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for _, test := range []struct {
		name, expression string
		serve            func(w http.ResponseWriter, r *http.Request)
		want             string
	}{
		{"a long body that no expression reads", "status == 200", func(w http.ResponseWriter, r *http.Request) { forever(w, new(int)) }, "Passed"},
		{"a long body", "!body.contains('x')", func(w http.ResponseWriter, r *http.Request) { forever(w, new(int)) },
			"TooLarge: Pod web answers / with more than 64 KiB, which is more than a check looks at."},
		{"a body that does not end", "!body.contains('x')", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a"); hang(w, r) },
			"Timeout: Pod web does not end its answer to / within 300ms."},
		{"no body that ends", "body == ''", hang, "Timeout: Pod web does not end its answer to / within 300ms."},
		{"no answer", "true", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "Wrong: Pod web does not answer within 300ms."},
		{"long headers", "headers['a'] != ''", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("A", strings.Repeat("a", 100<<10)) },
			"TooLarge: Pod web answers with headers of more than 64 KiB, which is more than a check looks at."},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPIServer(t)
			api.put(t, pod("web", "1", running, ""))
			config := hostile(t, api, func(w http.ResponseWriter, r *http.Request) bool {
				there := strings.Contains(r.URL.Path, "/proxy")
				if there {
					test.serve(w, r)
				}
				return there
			})
			l := lab(nil, is(test.expression, "no"))
			l.Steps[0].Checks[0].HTTP = &content.HTTP{Namespace: "default", Pod: "web", Scheme: "http", Method: "GET", Path: "/", Repeat: content.Repeat{Timeout: 300 * time.Millisecond, Interval: time.Hour}}
			got := evaluateOn(t, config, l)
			if outcomeOf(got, nil) != test.want {
				t.Errorf("got %s, want %s", outcomeOf(got, nil), test.want)
			}
			if record := got.Record(); len(record) > 10<<10 {
				t.Errorf("a record of %d bytes is kept", len(record))
			}
		})
	}
}

func TestALongLog(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, pod("web", "1", running, ""))
	config := hostile(t, api, func(w http.ResponseWriter, r *http.Request) bool {
		there := strings.HasSuffix(r.URL.Path, "/log")
		if there {
			forever(w, new(int))
		}
		return there
	})
	l := lab(nil, is("!lines.exists(l, l == 'error')", "no"))
	l.Steps[0].Checks[0].Logs = &content.Logs{PodRef: content.PodRef{Namespace: "default", Pod: "web"}, Repeat: content.Repeat{Timeout: 5 * time.Second, Interval: time.Hour}}
	const want = "TooLarge: The last 1000 lines of the log of Pod web have more than 256 KiB, which is more than a check looks at."
	if got := outcomeOf(evaluateOn(t, config, l), nil); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLargeWorkstations(t *testing.T) {
	much := []byte(strings.Repeat("a", 1<<20))
	for _, test := range []struct {
		name  string
		check content.Workstation
		err   error
		want  string
	}{
		{"file", content.Workstation{File: "notes.txt"}, nil, "TooLarge: The file notes.txt has more than 64 KiB, which is more than a check looks at."},
		{"named pipe", content.Workstation{File: "notes.txt"}, context.DeadlineExceeded, "Timeout: The file notes.txt could not be read within 5s."},
		{"command", content.Workstation{Command: []string{"yes"}}, nil, "TooLarge: The command `yes` printed on your workstation more than 64 KiB, which is more than a check looks at."},
		{"command without end", content.Workstation{Command: []string{"yes"}}, context.DeadlineExceeded, "Timeout: The command `yes` did not end within 5s on your workstation."},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := lab(nil, is(map[bool]string{true: "content == ''", false: "stdout == ''"}[test.check.File != ""], "no"))
			test.check.Repeat = content.Repeat{Timeout: 5 * time.Second, Interval: time.Hour}
			l.Steps[0].Checks[0].Workstation = &test.check
			runs := func(context.Context, []string, []byte, time.Duration, bool) ([]byte, []byte, int, error) {
				return much, nil, 0, test.err
			}
			results, err := compiled(t, l).Watch(newAPIServer(t).config(), grader.Options{Workstation: runs}).Evaluate(t.Context())
			if err != nil || outcomeOf(results[0], nil) != test.want {
				t.Errorf("got %v, %v, want %s", results, err, test.want)
			}
			if size := len(results[0].Evidence[0].String()); size > 16<<10 {
				t.Errorf("the evidence has %d bytes", size)
			}
		})
	}
}

// A server that takes the question and says nothing holds up a check for no longer
// than its time.
func TestAForwardThatHangs(t *testing.T) {
	api := newAPIServer(t)
	api.put(t, strings.NewReplacer("namespace: default", "namespace: kube-system", "app: web", "k8s-app: kube-dns").Replace(pod("dns", "1", running, "")))
	config := hostile(t, api, func(w http.ResponseWriter, r *http.Request) bool {
		there := strings.HasSuffix(r.URL.Path, "/portforward")
		if there {
			<-r.Context().Done()
		}
		return there
	})
	l := lab(nil, is("true", "no"))
	l.Steps[0].Checks[0].DNS = &content.DNS{Name: "web", Namespace: "default", Type: "A", Repeat: content.Repeat{Timeout: 300 * time.Millisecond, Interval: time.Hour}}
	if got, want := outcomeOf(evaluateOn(t, config, l), nil), "ClusterUnreachable: The cluster's DNS server could not be reached"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTextsAndSetsThatGrow(t *testing.T) {
	text := configMap("c", 10_000)
	for expression, want := range map[string]string{
		"m.data.x.replace('x', m.data.x) == ''":                                        "CostExceeded",
		"m.data.x.replace('', m.data.x) == ''":                                         "CostExceeded",
		"m.data.x.replace('x', m.data.x, 3).size() == 39997":                           "Passed",
		"m.data.x.replace('x', 'y').size() == 10000":                                   "Passed",
		"m.data.x.split('').join(m.data.x) == ''":                                      "CostExceeded",
		"m.data.x.split('').join().size() == 10000":                                    "Passed",
		"['a', 'b'].join(', ') == 'a, b'":                                              "Passed",
		"sets.intersects(m.data.x.split(''), m.data.x.replace('x', 'y').split(''))":    "CostExceeded",
		"sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1])":             "Passed",
		"sets.intersects([1], [1, 2]) && !sets.contains([1], [1, 2])":                  "Passed",
		"m.data.x.split('').all(a, m.data.x.split('').all(b, a == b))":                 "CostExceeded",
		"m.data.x.split('').map(a, m.data.x).map(a, a + a).map(a, a + a).size() == 10": "CostExceeded",
		"'%s%s'.format([m.data.x, m.data.x]).size() == 20000":                          "Passed",
	} {
		l := lab(map[string]content.Object{"m": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "c"}}, is(expression, "no"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := grader.JudgeObjects(t, l, text)
		runtime.ReadMemStats(&after)
		if got.Reason != want {
			t.Errorf("%s: got %s %s, want %s", expression, got.Reason, got.Message, want)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 100 {
			t.Errorf("%s took %d MiB", expression, took)
		}
	}
}

func TestAChangeThatCannotBeFollowed(t *testing.T) {
	for _, test := range []struct {
		name string
		from string
		size int // of each state
		want string
	}{
		{"a dear beginning", loops(6), 1, "CostExceeded: This check could not be evaluated: "},
		{"states that are too large", "size(m.data.x) == 1", 1 << 20, "NotSeen: Before "},
		{"small ones", "size(m.data.x) == 1", 10, "Pending: The change is not complete yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPIServer(t)
				api.put(t, configMap("c", 1))
				l := lab(map[string]content.Object{"m": {APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "c"}}, is("true", "no"))
				l.Steps[0].Checks[0].During = &content.During{From: test.from, Until: "size(m.data.x) == 2"}
				_, seen := watch(t, api, l, "step")
				for i := range 12 { // in one go
					api.put(t, configMap("c", test.size+i))
				}
				within(t, time.Second, seen, test.want)
			})
		})
	}
}
