package content_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"wheelhouse/content"
)

// TestShownAsPlainText: a course loads with what the page does not show, warns of it,
// and no text is lost.
func TestShownAsPlainText(t *testing.T) {
	const line = "course/01-first/hello/README.md:"
	tests := []struct {
		name, markdown, html string
		want                 []string // one a warning
	}{
		{"only HTML", "<p>Text.</p>", "<p>Text.</p>", []string{line + "5: HTML such as <p> is shown as plain text: leave a line empty"}},
		{"details", "<details>\n<summary>More</summary>\n\nSome *text*.\n\n</details>", "<p>More</p>\n<p>Some <em>text</em>.</p>",
			[]string{line + "5: HTML such as <details> is shown as plain text: a text to unfold is a hint of the step, in lab.yaml"}},
		{"details in one block", "<details><summary>More &amp; more</summary>Text &lt;b&gt;</details>", "<p>More &amp; more</p>\n<p>Text &lt;b&gt;</p>",
			[]string{line + "5: HTML such as <details>"}},
		{"bold", "a\n<b>c</b> d", "<p>a\nc d</p>", []string{line + "6: HTML such as <b> is shown as plain text: write **bold**"}},
		{"link", "See <a href=\"https://kubernetes.io/?a&amp;b\">the *docs*</a>.", "<p>See the <em>docs</em> (https://kubernetes.io/?a&amp;b).</p>", []string{line + "5: HTML such as <a>"}},
		{"link in a block", "<div><a href=\"https://kubernetes.io\">docs</a> and <a href=\"javascript:x\">x</a></div>", "<p>docs (https://kubernetes.io) and x</p>",
			[]string{line + "5: HTML such as <div>"}},
		{"line break", "| a |\n| - |\n| b<br>c |", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b<br>c</td>\n</tr>\n</tbody>\n</table>",
			[]string{line + "7: HTML such as <br> is shown as plain text"}},
		{"list", "<ul>\n<li>a <b>b</b></li>\n<li>c</li>\n</ul>", "<p>a b</p>\n<p>c</p>", []string{line + "5: HTML such as <ul>"}},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "<p>a  b</p>\n<p>c</p>", []string{line + "5: HTML such as <table>"}},
		{"preformatted", "<pre>\na\n  b &lt;\n</pre>", "<pre><code>a\n  b &lt;\n</code></pre>", []string{line + "5: HTML such as <pre>"}},
		{"script", "Text.\n\n<script>\nlet a\n\nlet b\n</script>", "<p>Text.</p>", []string{line + "7: HTML such as <script> is not shown: leave it out"}},
		{"picture of HTML", "<img src=\"a.png\" alt=\"two Pods\">", "<p>two Pods</p>", []string{line + "5: HTML such as <img> is shown as plain text: describe it"}},
		{"picture", "See ![two *Pods*](a.png).", "<p>See two <em>Pods</em>.</p>", []string{line + "5: images are not shown, only their description is"}},
		{"name to fill in", "Run it in <pod>.", "<p>Run it in &lt;pod&gt;.</p>", []string{line + "5: <pod> is read as HTML and shown as it is written: write it as code, `<pod>`"}},
		{"name in a line of its own", "<my-pod>", "<p>&lt;my-pod&gt;</p>", []string{line + "5: <my-pod> is read as HTML"}},
		{"tag without an end", "<div>a</div> <b", "<p>a</p>\n<p>&lt;b</p>", []string{line + "5: HTML such as <div>"}},
		{"text beside a comment", "Some.\n\n<!-- why --> Text.", "<p>Some.</p>\n<p>Text.</p>", []string{line + "7: what stands in a line with a comment"}},
		{"comment in HTML", "<div>a <!-- b --!> <b>why</b> --> c</div>", "<p>a  c</p>", []string{line + "5: HTML such as <div>"}},
		{"declaration", "Text.\n\n<?php x ?>", "<p>Text.</p>\n<p>&lt;?php x ?&gt;</p>", []string{line + "7: HTML is shown as plain text"}},
		{"alert", "Text.\n\n> [!NOTE]\n> Text.", "<p>Text.</p>\n<blockquote>\n<p>[!NOTE]\nText.</p>\n</blockquote>",
			[]string{line + "7: [!NOTE] is shown as it is written: begin the quotation with \"> **Note:** \" instead"}},
		{"alert in one line", "> [!tip] Text.", "<blockquote>\n<p>[!tip] Text.</p>\n</blockquote>", []string{line + "5: [!tip] is shown as it is written: begin the quotation with \"> **Tip:** \""}},
		{"footnote", "Text.[^1]\n\n[^1]: A remark in words.", "<p>Text.[^1]</p>\n<p>[^1]: A remark in words.</p>", []string{line + "5: footnotes are shown as they are written", line + "7: footnotes"}},
		{"footnote of one word", "Text.[^1]\n\n[^1]: <Remark>", "<p>Text.[^1]</p>\n<p>[^1]: &lt;Remark&gt;</p>", []string{line + "5: footnotes", line + "7: footnotes"}},
		{"task", "- [ ] a\n- [x] b", "<ul>\n<li>[ ] a</li>\n<li>[x] b</li>\n</ul>", []string{line + "5: the box of a task list", line + "6: the box of a task list"}},
		{"link without an address", "See\n[the docs][docs] and [that][].", "<p>See\n[the docs][docs] and [that][].</p>", []string{line + "6: the link is shown as it is written"}},
		{"box", ":::note\nText.\n:::", "<p>:::note\nText.\n:::</p>", []string{line + "5: a box", line + "7: a box"}},
		{"admonition", "!!! note\n    Text.", "<p>!!! note\nText.</p>", []string{line + "5: a box"}},
		{"shortcode", "{{< note >}}", "<p>{{&lt; note &gt;}}</p>", []string{line + "5: tags of a site generator"}},
		{"formula", "$$\nx^2\n$$", "<p>$$\nx^2\n$$</p>", []string{line + "5: formulas", line + "7: formulas"}},
		{"emoji", "Done :tada:", "<p>Done :tada:</p>", []string{line + "5: the name of an emoji"}},
		{"name of a heading", "### More {#more}\n\nText.", "<h3>More {#more}</h3>\n<p>Text.</p>", []string{line + "5: a heading's {…}"}},
		{"definition", "Pod\n: the smallest", "<p>Pod\n: the smallest</p>", []string{line + "6: a list of definitions"}},
		{"zsh", "```zsh\nls\n```", "<pre data-copy=\"\"><code class=\"language-zsh\">ls\n</code></pre>", []string{line + "5: a block of \"zsh\" has no Run button: write ```bash"}},
		{"PowerShell", "```{.powershell}\nls\n```", "<pre data-copy=\"\"><code class=\"language-powershell\">ls\n</code></pre>", []string{line + "5: a block of \"powershell\" has no Run button"}},
		{"code of no language", "```{}\nls\n```", "<pre><code>ls\n</code></pre>", []string{line + "5: a code block says what it holds"}},
		{"indented code", "Text.\n\n    kubectl get pods", "<p>Text.</p>\n<pre><code>kubectl get pods\n</code></pre>", []string{line + "7: a code block that is only indented"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			course, err := withText(t, tt.markdown)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(course.Labs()[0].Steps[0].Instructions); got != tt.html {
				t.Errorf("\n got %s\nwant %s", got, tt.html)
			}
			warned(t, course, tt.want)
		})
	}
}

func warned(t *testing.T, course *content.Course, want []string) {
	t.Helper()
	if len(course.Warnings) != len(want) {
		t.Fatalf("got %v, want %d warnings", course.Warnings, len(want))
	}
	for i, warning := range course.Warnings {
		if !strings.HasPrefix(warning.Error(), want[i]) {
			t.Errorf("got %s, want %s", warning, want[i])
		}
	}
}

// TestFrontMatter: it is for site generators, and the lines below it keep their numbers.
func TestFrontMatter(t *testing.T) {
	files := minimal(t)
	files["course/01-first/hello/README.md"] = &fstest.MapFile{Data: []byte("---\ntitle: Hello\n---\nIntro.\n\n## Create it\n\n<b>Do</b>.\n")}
	course, err := content.Load(files, "course")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := course.Labs()[0].Intro, "<p>Intro.</p>"; string(got) != want {
		t.Errorf("intro: got %s, want %s", got, want)
	}
	warned(t, course, []string{"course/01-first/hello/README.md:1: front matter is not read", "course/01-first/hello/README.md:8: HTML such as <b>"})
}

// TestWarningsBesideProblems: a course with mistakes has its warnings too, and a lab
// with variables, which is read with two sets of values, has each once.
func TestWarningsBesideProblems(t *testing.T) {
	files := minimal(t)
	const lab = "course/01-first/hello/lab.yaml"
	text := strings.Replace(string(files[lab].Data), "  steps:", "  variables: {word: {oneOf: [red, blue]}}\n  steps:", 1)
	text = strings.Replace(text, "    checks:", "    hints: ["+strconv.Quote("<u>{{variables.word}}</u>")+"]\n    checks:", 1)
	files[lab] = &fstest.MapFile{Data: []byte(text)}
	course, err := content.Load(files, "course")
	if err != nil {
		t.Fatal(err)
	}
	if len(course.Warnings) != 1 || course.Warnings[0].File != lab || course.Warnings[0].Line == 0 {
		t.Errorf("got %v, want one warning", course.Warnings)
	}
	files[lab] = &fstest.MapFile{Data: []byte(strings.Replace(text, "  steps:", "  colour: red\n  steps:", 1))}
	if course, err = content.Load(files, "course"); err == nil || len(course.Warnings) != 1 {
		t.Errorf("with a mistake: got %v and %v, want a problem and a warning", err, course.Warnings)
	}
}
