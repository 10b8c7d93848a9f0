package content_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"wheelhouse/content"
)

// rendered loads the smallest course with the text as what its only step says,
// and returns the HTML, and the problems if there are any. The text must not hold
// a heading of the second level.
func rendered(t testing.TB, markdown string) (string, error) {
	t.Helper()
	files := minimal(t)
	const lab = "course/01-first/hello/"
	files[lab+"README.md"] = &fstest.MapFile{Data: []byte("Intro.\n\n## Create it\n\n" + markdown + "\n")}
	course, err := content.Load(files, "course")
	if err != nil {
		return "", err
	}
	return string(course.Labs()[0].Steps[0].Instructions), nil
}

func TestRender(t *testing.T) {
	tests := []struct {
		name, markdown, want string
	}{
		{"paragraph", "Some *text* & more.", "<p>Some <em>text</em> &amp; more.</p>"},
		{"bash", "```bash\nkubectl get pods\n```", `<pre data-run=""><code class="language-bash">kubectl get pods` + "\n</code></pre>"},
		{"sh", "```sh\na && b > c\n```", `<pre data-run=""><code class="language-bash">a &amp;&amp; b &gt; c` + "\n</code></pre>"},
		{"console", "```console\n$ ls\n$ pwd\n```", `<pre data-run=""><code class="language-bash">ls` + "\npwd\n</code></pre>"},
		{"yaml", "```yaml\na: b\n```", `<pre data-copy=""><code class="language-yaml">a: b` + "\n</code></pre>"},
		{"text", "```text\nNAME  READY\n```", "<pre><code>NAME  READY\n</code></pre>"},
		{"output", "```output\nNAME\n```", "<pre><code>NAME\n</code></pre>"},
		{"whole command", "Type `kubectl get pods`.", `<p>Type <code data-run="">kubectl get pods</code>.</p>`},
		{"short command", "Type `kubectl version`.", `<p>Type <code data-run="">kubectl version</code>.</p>`},
		{"name of a command", "See `kubectl run`.", "<p>See <code>kubectl run</code>.</p>"},
		{"command with a gap", "See `kubectl logs <pod>`.", "<p>See <code>kubectl logs &lt;pod&gt;</code>.</p>"},
		{"command with an ellipsis", "See `kubectl logs ...`.", "<p>See <code>kubectl logs ...</code>.</p>"},
		{"other code", "See `app=web`.", "<p>See <code>app=web</code>.</p>"},
		{"app", "[open](app:default/web:80)", `<p><a href="#" data-app="default/web:80">open</a></p>`},
		{"lab", "[it](../hello)", `<p><a href="/labs/hello">it</a></p>`},
		{"raw HTML", "a <b>c</b> d", "<p>a c d</p>"},
		{"heading", "### More", "<h3>More</h3>"},
		{"list", "1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"reference", "[docs][d]\n\n[d]: https://kubernetes.io/", `<p><a href="https://kubernetes.io/" rel="noreferrer noopener" target="_blank">docs</a></p>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rendered(t, tt.markdown)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRenderReadme(t *testing.T) {
	course, err := content.Load(os.DirFS("testdata/valid-full"), "course")
	if err != nil {
		t.Fatal(err)
	}
	lab, _ := course.Lab("pods")
	if got := string(lab.Intro); strings.Contains(got, "Pods</h1>") || !strings.Contains(got, `<a href="/labs/hello">hello</a>`) || !strings.Contains(got, "<blockquote>") {
		t.Errorf("intro: got %s", got)
	}
	run, deleted := lab.Steps[0], lab.Steps[1]
	if got := string(run.Instructions); !strings.Contains(got, `<td align="right">2</td>`) || strings.Contains(got, "Delete") {
		t.Errorf("run: got %s", got)
	}
	if got := string(deleted.Instructions); !strings.Contains(got, `data-app="default/web:80"`) {
		t.Errorf("delete: got %s", got)
	}
	if got, want := string(run.Hints[0].HTML), `<p><code data-run="">kubectl run --help</code> shows the flags, and <a href="/labs/hello">Hello</a> how it began.</p>`; got != want {
		t.Errorf("hint: got %s, want %s", got, want)
	}
}

// attacks are ways to bring a script into a page by Markdown. Some are refused as
// a problem, the others have to come out harmless.
var attacks = []string{
	`<script>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`,
	`<svg/onload=alert(1)>`,
	`<iframe src="javascript:alert(1)"></iframe>`,
	`<a href="javascript:alert(1)" data-app="default/web:80">x</a>`,
	`<pre data-run="" onclick="alert(1)">x</pre>`,
	`<style>*{background:url(//evil)}</style>`,
	`<base href="//evil/">`,
	`<form action="/api/logout"><button>x</button></form>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	`[x](javascript:alert(1))`,
	`[x](JaVaScRiPt:alert(1))`,
	`[x](&#106;avascript:alert(1))`,
	"[x](java\tscript:alert(1))",
	`[x](<javascript:alert(1)>)`,
	`[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
	`[x](vbscript:msgbox(1))`,
	`[x](//evil/path)`,
	`[x](https://ok/"onmouseover="alert(1))`,
	`[x](https://ok/ "title\" onmouseover=\"alert(1)")`,
	`[x](app:default/web:80"onclick="alert(1))`,
	`[x](app:default/web:80/../../x)`,
	`[x][y]` + "\n\n" + `[y]: javascript:alert(1)`,
	`<javascript:alert(1)>`,
	`<https://ok/"onclick=alert(1)>`,
	`![x](javascript:alert(1))`,
	`![x"onerror="alert(1)](x)`,
	"```\"><script>alert(1)</script>\nx\n```",
	"```bash\"onclick=\"alert(1)\nx\n```",
	"```yaml\n</code></pre><script>alert(1)</script>\n```",
	"```bash\n<img src=x onerror=alert(1)>\n```",
	"    <script>alert(1)</script>",
	"`kubectl get <script>alert(1)</script>`",
	"`</code><script>alert(1)</script>`",
	"| <script>a</script> | b |\n| --- | --- |\n| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |",
	"- [x] <script>alert(1)</script>",
	"### <script>alert(1)</script> {onclick=alert(1)}",
	"&lt;script&gt;alert(1)&lt;/script&gt;",
	"<!-- --!><script>alert(1)</script> -->",
	"<![CDATA[<script>alert(1)</script>]]>",
	"<?php <script>alert(1)</script> ?>",
	"www.evil.example/\"onclick=alert(1)",
	"~~<script>~~",
}

func TestRenderAttacks(t *testing.T) {
	for _, attack := range attacks {
		got, err := rendered(t, attack)
		if err != nil {
			continue
		}
		if problem := harm(got); problem != "" {
			t.Errorf("%q: %s in %s", attack, problem, got)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, markdown string) {
		got, err := rendered(t, markdown)
		if err != nil {
			if len(content.Problems(err)) == 0 {
				t.Fatalf("an error without a problem: %v", err)
			}
			return
		}
		if problem := harm(got); problem != "" {
			t.Errorf("%q: %s in %s", markdown, problem, got)
		}
	})
}

// harm parses HTML as a browser does and names the first thing in it that has no
// business in a lab's text, or "".
func harm(page string) string {
	elements := " p br hr ol ul li strong em del blockquote h3 h4 h5 h6 pre code table thead tbody tr th td a "
	attributes := " start align data-run data-copy data-app class href target rel "
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return ""
		}
		token := tokens.Token()
		switch kind {
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
		case html.TextToken:
			continue
		default:
			return "a " + kind.String()
		}
		if !strings.Contains(elements, " "+token.Data+" ") {
			return "the element " + token.Data
		}
		for _, attribute := range token.Attr {
			if !strings.Contains(attributes, " "+attribute.Key+" ") {
				return "the attribute " + attribute.Key
			}
			target := attribute.Val
			if attribute.Key == "href" && target != "#" && !strings.HasPrefix(target, "https://") &&
				!strings.HasPrefix(target, "http://") && !strings.HasPrefix(target, "/labs/") {
				return "the link " + target
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, file := range []string{"testdata/valid-minimal/course/01-first/hello/lab.yaml", "testdata/valid-full/course/02-second/pods/lab.yaml",
		"testdata/invalid-lab-fields/course/01-first/hello/lab.yaml", "testdata/invalid-types/course/01-first/hello/lab.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, []byte("# step: create\n:\n"))
	}
	f.Fuzz(func(t *testing.T, lab, script []byte) {
		files := minimal(t)
		const dir = "course/01-first/hello/"
		files[dir+"lab.yaml"] = &fstest.MapFile{Data: lab}
		files[dir+"solve.sh"] = &fstest.MapFile{Data: script}
		files[dir+"wrong/empty.sh"] = &fstest.MapFile{Data: script}
		files[dir+"setup/a.yaml"] = &fstest.MapFile{Data: lab}
		course, err := content.Load(files, "course")
		if course == nil && err == nil {
			t.Fatal("got neither a course nor an error")
		}
		for _, problem := range content.Problems(err) {
			if problem.File == "." || problem.Message == "" {
				t.Errorf("a problem that tells nothing: %+v", problem)
			}
		}
		if err == nil {
			for _, step := range course.Labs()[0].Steps {
				if step.Name == "" || len(step.Checks) == 0 || step.Points < 1 {
					t.Errorf("loaded a step that is not whole: %+v", step)
				}
			}
		}
	})
}
