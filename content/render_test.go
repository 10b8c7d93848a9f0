package content_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"wheelhouse/content"
)

// withText loads the smallest course with the text as what its only step says. The
// text must not hold a heading of the second level.
func withText(t testing.TB, markdown string) (*content.Course, error) {
	t.Helper()
	files := minimal(t)
	const lab = "course/01-first/hello/"
	files[lab+"README.md"] = &fstest.MapFile{Data: []byte("Intro.\n\n## Create it\n\n" + markdown + "\n")}
	return content.Load(files, "course")
}

// rendered returns the HTML of a text, and the problems if there are any: only links
// that are refused take the HTML away.
func rendered(t testing.TB, markdown string) (string, error) {
	t.Helper()
	course, err := withText(t, markdown)
	if course == nil || len(course.Labs()) == 0 || len(course.Labs()[0].Steps) == 0 {
		return "", err
	}
	for _, problem := range content.Problems(err) {
		if strings.HasPrefix(problem.Message, "the link ") || strings.HasPrefix(problem.Message, "the address ") {
			return "", err
		}
	}
	return string(course.Labs()[0].Steps[0].Instructions), err
}

func TestRender(t *testing.T) {
	tests := []struct {
		name, markdown, want string
	}{
		{"paragraph", "Some *text* & more.", "<p>Some <em>text</em> &amp; more.</p>"},
		{"bash", "```bash\nkubectl get pods\n```", `<pre data-run=""><code class="language-bash">kubectl get pods` + "\n</code></pre>"},
		{"sh", "```sh\na && b > c\n```", `<pre data-run=""><code class="language-bash">a &amp;&amp; b &gt; c` + "\n</code></pre>"},
		{"console", "```console\n$ ls\n$ pwd\n```", `<pre data-run="1 1"><code class="language-bash">ls` + "\npwd\n</code></pre>"},
		{"shell", "```shell\nls\n```", `<pre data-run=""><code class="language-bash">ls` + "\n</code></pre>"},
		{"class of pandoc", "```{.bash .wide}\nls\n```", `<pre data-run=""><code class="language-bash">ls` + "\n</code></pre>"},
		{"capital letters", "``` Bash\nls\n```", `<pre data-run=""><code class="language-bash">ls` + "\n</code></pre>"},
		{"prompts", "```bash\n$ ls\n$ pwd\n```", `<pre data-run="1 1"><code class="language-bash">ls` + "\npwd\n</code></pre>"},
		{"session", "```shell-session\n$ ls\nit's\n\n$ pwd\n```", `<pre data-run=""><code class="language-bash">ls` + "\n</code></pre>\n<pre><code>it&#39;s\n</code></pre>\n" +
			`<pre data-run=""><code class="language-bash">pwd` + "\n</code></pre>"},
		{"yaml with a class", "```{.yaml}\na: b\n```", `<pre data-copy=""><code class="language-yaml">a: b` + "\n</code></pre>"},
		{"yaml", "```yaml\na: b\n```", `<pre data-copy=""><code class="language-yaml">a: b` + "\n</code></pre>"},
		{"text", "```text\nNAME  READY\n```", "<pre><code>NAME  READY\n</code></pre>"},
		{"output", "```output\nNAME\n```", "<pre><code>NAME\n</code></pre>"},
		{"commands of several lines", "```bash\n# one\nkubectl apply -f - <<EOF\na: $ b\nEOF\nfor i in 1 2; do\n  echo $i\ndone\necho a \\\n  b\n```",
			`<pre data-run="4 3 2"><code class="language-bash"># one` + "\nkubectl apply -f - &lt;&lt;EOF\na: $ b\nEOF\nfor i in 1 2; do\n  echo $i\ndone\necho a \\\n  b\n</code></pre>"},
		{"whole command", "Type `kubectl get pods`.", `<p>Type <code data-run="">kubectl get pods</code>.</p>`},
		{"short command", "Type `kubectl version`.", `<p>Type <code data-run="">kubectl version</code>.</p>`},
		{"name of a command", "See `kubectl run`.", "<p>See <code>kubectl run</code>.</p>"},
		{"command with a gap", "See `kubectl logs <pod>`.", "<p>See <code>kubectl logs &lt;pod&gt;</code>.</p>"},
		{"command with an ellipsis", "See `kubectl logs ...`.", "<p>See <code>kubectl logs ...</code>.</p>"},
		{"other code", "See `app=web`.", "<p>See <code>app=web</code>.</p>"},
		{"app", "[open](app:default/web:80)", `<p><a href="#" data-app="default/web:80">open</a></p>`},
		{"lab", "[it](../hello)", `<p><a href="/labs/hello">it</a></p>`},
		{"comment", "a <!-- why --> d\n\n<!-- two\nlines -->\n\ne", "<p>a  d</p>\n<p>e</p>"},
		{"heading", "### More", "<h3>More</h3>"},
		{"list", "1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"},
		{"reference", "[docs][d]\n\n[d]: https://kubernetes.io/", `<p><a href="https://kubernetes.io/" rel="noreferrer noopener" target="_blank">docs</a></p>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			course, err := withText(t, tt.markdown)
			if err != nil || len(course.Warnings) > 0 {
				t.Fatal(err, course.Warnings)
			}
			if got := string(course.Labs()[0].Steps[0].Instructions); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestRefused: what has to be mended before the course loads.
func TestRefused(t *testing.T) {
	const line = "course/01-first/hello/README.md:"
	tests := []struct {
		name, markdown string
		want           []string // one a problem
	}{
		{"name in code", "Run it in `<pod>`.", nil},
		{"comment without an end", "Text.\n\n<!-- why?\n\n<b>more</b>", []string{line + "7: the comment has no end"}},
		{"comment without an end in HTML", "Text.\n\n<div>\n<!-- why?\n\n</div>", []string{line + "7: the comment has no end"}},
		{"empty HTML", "<div></div>", []string{line + "3: the section is empty"}},
		{"comment of tags", "Text.\n\n<!-- <b> -->", nil},
		{"heading in a quotation", "> # Text", []string{line + "5: a heading inside of a section"}},
		{"quotation", "> **Note:** Text.", nil},
		{"index", "Of list[a][b], `[a][b]`.", nil},
		{"ports", "At 10:80:443, app:default/web:80 and nginx:1.27: so.", nil},
		{"session without a prompt", "```console\nls\n```", []string{line + "5: in a block of \"console\", commands begin with \"$ \""}},
		{"some with a prompt", "```bash\nls\n$ pwd\n```", []string{line + "5: some commands of the block begin with \"$ \" and others do not"}},
		{"a comment before a prompt", "```bash\n# Where?\n$ pwd\n```", nil},
		{"empty", "```bash\n\n```", []string{line + "5: the block of commands is empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rendered(t, tt.markdown)
			problems := content.Problems(err)
			if len(problems) != len(tt.want) {
				t.Fatalf("got %v, want %d problems", err, len(tt.want))
			}
			for i, problem := range problems {
				if !strings.HasPrefix(problem.Error(), tt.want[i]) {
					t.Errorf("got %s, want %s", problem, tt.want[i])
				}
			}
		})
	}
}

// TestCommandsOfBlocks: a "$ " is a prompt only where a command can begin.
func TestCommandsOfBlocks(t *testing.T) {
	tests := []struct {
		name, markdown string
		want           []string // from the line where each is, "7: ls"
	}{
		{"prompt", "```bash\n$ ls\n```", []string{"6: ls"}},
		{"here-document", "```bash\ncat > a.txt <<EOF\n$ ls\nEOF\n```", []string{"6: cat > a.txt <<EOF\n$ ls\nEOF"}},
		{"here-document with tabs", "```bash\ncat <<-EOF\n\ta\n$ ls\n\tEOF\n```", []string{"6: cat <<-EOF\n\ta\n$ ls\n\tEOF"}},
		{"quoted here-document", "```bash\ncat <<'EOF' | wc\n$ ls\n$ EOF\nEOF\n```", []string{"6: cat <<'EOF' | wc\n$ ls\n$ EOF\nEOF"}},
		{"two here-documents", "```bash\ncat <<A - <<B\n$ a\nA\n$ b\nB\n```", []string{"6: cat <<A - <<B\n$ a\nA\n$ b\nB"}},
		{"here-document after a prompt", "```bash\n$ cat <<EOF\n$ ls\nEOF\n$ ls\n```", []string{"6: cat <<EOF\n$ ls\nEOF\nls"}},
		{"here-document and output", "```console\n$ cat <<EOF\n$ ls\nEOF\n$ ls\na\n```", []string{"6: cat <<EOF\n$ ls\nEOF\nls"}},
		{"second prompts", "```console\n$ cat <<EOF\n> $ ls\n> EOF\n$ ls\n```", []string{"6: cat <<EOF\n$ ls\nEOF\nls"}},
		{"here-document in a loop", "```bash\nfor i in 1 2; do\ncat <<EOF\n$ ls\nEOF\ndone\n```", []string{"6: for i in 1 2; do\ncat <<EOF\n$ ls\nEOF\ndone"}},
		{"quotes", "```bash\necho 'a\n$ b'\n```", []string{"6: echo 'a\n$ b'"}},
		{"double quotes", "```bash\necho \"a\n$ b\"\n```", []string{"6: echo \"a\n$ b\""}},
		{"apostrophe in a comment", "```bash\n# don't\n$ ls\n```", []string{"6: # don't\nls"}},
		{"loop with prompts", "```bash\n$ for i in 1 2; do\n$ echo\n$ done\n```", []string{"6: for i in 1 2; do\necho\ndone"}},
		{"output", "```bash\n$ ls\nit's\n$ pwd\n/home\n```", []string{"6: ls", "8: pwd"}},
		{"long command", "```console\n$ kubectl run web \\\n  --image=nginx\npod/web created\n```", []string{"6: kubectl run web \\\n  --image=nginx"}},
		{"pipe", "```console\n$ ls |\n> wc\n3\n```", []string{"6: ls |\nwc"}},
		{"blank lines", "```console\n\n$ ls\n\n$ pwd\n\n```", []string{"7: ls\n\npwd"}},
		{"comment below the prompt", "```console\n$ ls # why\na\n```", []string{"6: ls # why"}},
		{"yaml", "```yaml\n$ ls\n```", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := minimal(t)
			files["course/01-first/hello/README.md"] = &fstest.MapFile{Data: []byte("Intro.\n\n## Create it\n\n" + tt.markdown + "\n")}
			course, err := content.Load(files, "course")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, command := range course.Labs()[0].Commands {
				if strings.HasSuffix(command.File, "README.md") {
					got = append(got, fmt.Sprintf("%d: %s", command.Line, command.Text))
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, command := range tt.want {
				_, text, _ := strings.Cut(command, ": ")
				shown := `<pre data-run=""><code class="language-bash">` + html.EscapeString(text) + "\n</code></pre>"
				if page := regexp.MustCompile(`data-run="[0-9 ]*"`).ReplaceAllString(string(course.Labs()[0].Steps[0].Instructions), `data-run=""`); !strings.Contains(page, shown) {
					t.Errorf("the page has\n%s\nwithout %s", page, shown)
				}
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
		got, _ := rendered(t, attack)
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
		if err != nil && len(content.Problems(err)) == 0 {
			t.Fatalf("an error without a problem: %v", err)
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
