package lint

import (
	"errors"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// commands reports what no shell can read, and verbs that kubectl has not: in
// what students can click, in the solution, the answers and the setup.
func (l *linter) commands() {
	for _, command := range l.lab.Commands {
		l.script(command.File, command.Line, command.Text)
	}
	for _, part := range l.lab.Solution {
		l.script(path.Join(l.lab.Dir, "solve.sh"), part.Line, part.Text)
	}
	for _, wrong := range l.lab.Wrong {
		l.script(path.Join(l.lab.Dir, "wrong", wrong.Name+".sh"), 1, wrong.Text)
	}
	for _, right := range l.lab.Right {
		l.script(path.Join(l.lab.Dir, "right", right.Name+".sh"), 1, right.Text)
	}
	for _, file := range l.lab.Setup {
		switch {
		case file.Name == "setup.sh":
			l.script(path.Join(l.lab.Dir, file.Name), 1, file.Text)
		case strings.HasSuffix(file.Name, ".sh"):
			l.script(path.Join(l.lab.Dir, "setup", file.Name), 1, file.Text)
		}
	}
}

// script looks at the commands of a text whose first line is the given one of the
// file. All of them are typed into, or run by, bash.
func (l *linter) script(file string, line int, text string) {
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	var wrong syntax.ParseError
	switch {
	case errors.As(err, &wrong):
		l.addf(file, line+int(wrong.Pos.Line())-1, "the shell cannot read this command: %s", wrong.Text)
		return
	case err != nil:
		l.addf(file, line, "the shell cannot read this command: %v", err)
		return
	}
	syntax.Walk(parsed, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok {
			l.kubectl(file, line+int(call.Pos().Line())-1, words(call))
		}
		return true
	})
}

// words are the words of a command, up to the first that the shell makes.
func words(call *syntax.CallExpr) []string {
	var all []string
	for _, arg := range call.Args {
		word := arg.Lit()
		if word == "" {
			break
		}
		all = append(all, word)
	}
	return all
}

// kubectl reports a verb that kubectl has not, and a second word that the verb
// has not.
func (l *linter) kubectl(file string, line int, words []string) {
	if len(words) == 0 || words[0] != "kubectl" {
		return
	}
	words = withoutFlags(words[1:])
	if len(words) == 0 {
		return
	}
	verb := words[0]
	if !slices.Contains(verbs, verb) {
		l.addf(file, line, "kubectl has no command %s%s", verb, didYouMean(verb, verbs, "kubectl "))
		return
	}
	if second := seconds[verb]; len(words) > 1 && second != nil && !slices.Contains(second, words[1]) {
		l.addf(file, line, "kubectl %s has no command %s%s", verb, words[1], didYouMean(words[1], second, "kubectl "+verb+" "))
	}
}

// withoutFlags takes off the flags before and after the verb, with the values of
// those that are for every command, and ends where another flag may take a value.
func withoutFlags(words []string) []string {
	var left []string
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case !strings.HasPrefix(word, "-"):
			left = append(left, word)
		case slices.Contains([]string{"-n", "--namespace", "--context", "--kubeconfig", "-v", "--as", "--cluster", "--user", "-s", "--server"}, word):
			i++
		case strings.Contains(word, "=") && len(left) == 0:
		default:
			return left
		}
	}
	return left
}

// verbs are the commands of kubectl 1.36, with those that are words of others.
var verbs = []string{"alpha", "annotate", "api-resources", "api-versions", "apply", "attach", "auth", "autoscale", "certificate",
	"cluster-info", "completion", "config", "cordon", "cp", "create", "debug", "delete", "describe", "diff", "drain", "edit",
	"events", "exec", "explain", "expose", "get", "help", "kuberc", "kustomize", "label", "logs", "options", "patch", "plugin",
	"port-forward", "proxy", "replace", "rollout", "run", "scale", "set", "taint", "top", "uncordon", "version", "wait"}

// seconds are the second words of the verbs that have a fixed set of them.
var seconds = map[string][]string{
	"auth":        {"can-i", "reconcile", "whoami"},
	"certificate": {"approve", "deny"},
	"create": {"clusterrole", "clusterrolebinding", "configmap", "cm", "cronjob", "cj", "deployment", "deploy", "ingress", "ing",
		"job", "namespace", "ns", "poddisruptionbudget", "pdb", "priorityclass", "pc", "quota", "resourcequota", "role",
		"rolebinding", "secret", "service", "svc", "serviceaccount", "sa", "token"},
	"rollout": {"history", "pause", "restart", "resume", "status", "undo"},
	"set":     {"env", "image", "resources", "selector", "serviceaccount", "sa", "subject"},
	"top":     {"node", "nodes", "no", "pod", "pods", "po"},
}
