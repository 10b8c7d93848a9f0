package grader

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// byCurl asks from the workstation. Where it returns nil, done says why.
func (p *httpProbe) byCurl(ctx context.Context, c *cluster, in target, done *outcome) *http.Response {
	command := []string{"/usr/bin/curl", "-q", "-sS", "-i", "-k", "--raw", "--http1.1", "--noproxy", "*", "--max-time",
		strconv.FormatFloat(p.Timeout.Seconds(), 'f', 1, 64), "-X", p.Method}
	if p.Method == http.MethodHead {
		command = append(command, "-I")
	}
	if p.Host != "" {
		command = append(command, "-H", "Host: "+p.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		command = append(command, "-H", name+": "+p.Headers[name])
	}
	ran := c.onWorkstation(ctx, append(command, "--", in.address), nil, p.Timeout+workstationGrace, false, done)
	if ran == nil {
		return nil
	}
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(ran.stdout)), &http.Request{Method: p.Method})
	switch {
	case err == nil && ran.stdoutCut:
		done.cutOff("body", "%s answers %s with", p.what(in), p.Path)
		return answer
	case err == nil && ran.exitCode == curlTimedOut:
		done.cut = []cut{p.endless(in)}
		return answer
	case err == nil:
		return answer
	case ran.stdoutCut:
		done.fail(Unknown, ReasonTooLarge, fmt.Sprintf("%s answers with headers of more than %d KiB, which is more than a check looks at.", p.what(in), outputSize>>10))
		return nil
	}
	why := "it gave no answer of HTTP"
	if said, ok := curlProblems[ran.exitCode]; ok {
		why = said
	} else if said := lastLine(ran.stderr); said != "" {
		why = strings.TrimSuffix(said, ".")
	}
	done.evidence = Evidence{Name: commandLine(append([]string{"curl", "-i"}, in.address)), Text: printed("", ran.stderr, &ran.exitCode)}
	done.fail(False, ReasonWrong, fmt.Sprintf("%s does not answer at %s: %s.", p.what(in), in.address, why))
	return nil
}

const curlTimedOut = 28

// curlProblems are curl's exit codes, by its manual.
var curlProblems = map[int]string{
	6: "its name is not known", 7: "the connection is refused", curlTimedOut: "it takes too long", 35: "it does not speak TLS",
	52: "it closed the connection without an answer", 56: "the connection broke",
}
