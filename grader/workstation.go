package grader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/cel"

	"wheelhouse/content"
)

// Workstation runs a command on the student's workstation, as the student and in
// their home folder, with stdin as its input, for at most limit. Programs are the
// workstation's own and read no settings of the student's, unless studentHome asks
// for the environment of the student's own commands. A little more than
// the first 64 KiB of each stream is enough. The error is context.DeadlineExceeded where the command did not end in
// time, and says otherwise that the workstation could not be reached or has no
// such program; a command that ends by itself is none.
type Workstation func(ctx context.Context, command []string, stdin []byte, limit time.Duration, studentHome bool) (stdout, stderr []byte, exitCode int, err error)

// workstationProbe looks at a file, or at what a command does.
type workstationProbe struct{ *content.Workstation }

func (p *workstationProbe) declarations() []cel.EnvOption {
	if p.File != "" {
		return []cel.EnvOption{cel.Variable("content", cel.StringType)}
	}
	return (*execProbe)(nil).declarations()
}

func (p *workstationProbe) repeat() content.Repeat            { return p.Repeat }
func (p *workstationProbe) queries() []query                  { return nil }
func (p *workstationProbe) aim(look lookup) (*target, Result) { return &target{}, Result{} }

func (p *workstationProbe) requests() []request {
	if p.File != "" {
		return nil
	}
	return commandRequests
}

func (p *workstationProbe) doing(in target) string {
	if p.File != "" {
		return fmt.Sprintf("The file %s is being read.", p.File)
	}
	return fmt.Sprintf("The command `%s` is being run on your workstation.", commandLine(p.Command))
}

func (p *workstationProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	command := p.Command
	if p.File != "" {
		command = []string{"/usr/bin/head", "-c", fmt.Sprint(outputSize + 1), "--", p.File}
	}
	ran := c.onWorkstation(ctx, command, nil, p.Timeout, p.StudentHome, done)
	if ran == nil {
		if p.File != "" && done.reason == ReasonTimeout { // a named pipe, as a rule
			done.problem = fmt.Sprintf("The file %s could not be read within %v.", p.File, p.Timeout)
		}
		return done
	}
	if p.File == "" {
		for name, cut := range map[string]bool{"stdout": ran.stdoutCut, "stderr": ran.stderrCut} {
			if cut {
				done.cutOff(name, "The command `%s` printed on your workstation", commandLine(p.Command))
			}
		}
		done.values = map[string]any{"stdout": ran.stdout, "stderr": ran.stderr, "exitCode": int64(ran.exitCode)}
		done.evidence = Evidence{Name: commandLine(p.Command), Text: printed(ran.stdout, ran.stderr, &ran.exitCode)}
		return done
	}
	done.evidence = Evidence{Name: "the file " + p.File, Text: clip(ran.stdout, evidenceSize)}
	done.values = map[string]any{"content": ran.stdout}
	if ran.stdoutCut {
		done.cutOff("content", "The file %s has", p.File)
	}
	switch {
	case ran.exitCode == 0:
	case strings.Contains(ran.stderr, "No such file"):
		done.fail(False, ReasonNotFound, fmt.Sprintf("There is no file %s on your workstation.", p.File))
	case strings.Contains(ran.stderr, "Is a directory"):
		done.fail(False, ReasonWrong, fmt.Sprintf("%s is a folder and has to be a file.", p.File))
	default:
		done.fail(False, ReasonWrong, fmt.Sprintf("The file %s cannot be read.", p.File))
	}
	return done
}

// scriptProbe judges by the exit status of a script.
type scriptProbe struct{ *content.Script }

// fromStdin has bash run a script that it reads, so that the list of processes, which
// the student can see, does not show what is looked for.
const fromStdin = `IFS= read -rd '' script; exec </dev/null; eval "$script"`

// notYet is the exit status of a script that the student has only to wait for:
// EX_TEMPFAIL of BSD's sysexits.h.
const notYet = 75

func (p *scriptProbe) declarations() []cel.EnvOption     { return nil }
func (p *scriptProbe) repeat() content.Repeat            { return p.Repeat }
func (p *scriptProbe) queries() []query                  { return nil }
func (p *scriptProbe) requests() []request               { return commandRequests }
func (p *scriptProbe) aim(look lookup) (*target, Result) { return &target{}, Result{} }
func (p *scriptProbe) doing(in target) string            { return "A script is being run on your workstation." }

func (p *scriptProbe) run(ctx context.Context, c *cluster, in target) *outcome {
	done := &outcome{target: in}
	ran := c.onWorkstation(ctx, []string{"/bin/bash", "--noprofile", "--norc", "-c", fromStdin}, []byte(p.Run), p.Timeout, p.StudentHome, done)
	if ran == nil {
		return done
	}
	done.evidence = Evidence{Name: "the script", Text: printed(ran.stdout, ran.stderr, &ran.exitCode)}
	said := lastLine(ran.stdout)
	if said == "" {
		said = lastLine(ran.stderr)
	}
	switch ran.exitCode {
	case 0:
	case notYet:
		done.fail(False, ReasonPending, said)
	default:
		done.fail(False, ReasonWrong, said)
	}
	return done
}

// lastLine is the last line of text that holds something.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:])
}

type ran struct {
	stdout, stderr string
	exitCode       int

	stdoutCut, stderrCut bool // there was more
}

// onWorkstation runs a command there. Where it returns nil, done says why it was
// not run or did not end.
func (c *cluster) onWorkstation(ctx context.Context, command []string, stdin []byte, limit time.Duration, studentHome bool, done *outcome) *ran {
	if c.workstation == nil {
		done.fail(Unknown, ReasonInvalid, "This cluster has no workstation to look at.")
		return nil
	}
	timed, cancel := c.within(ctx, limit+workstationGrace, done)
	if timed == nil {
		return nil
	}
	defer cancel()
	stdout, stderr, exitCode, err := c.workstation(timed, command, stdin, limit, studentHome)
	switch {
	case err == nil:
		return &ran{text(stdout), text(stderr), exitCode, len(stdout) > outputSize, len(stderr) > outputSize}
	case errors.Is(err, context.DeadlineExceeded):
		done.fail(Unknown, ReasonTimeout, fmt.Sprintf("The command `%s` did not end within %v on your workstation.", clip(oneLine(commandLine(command)), 100), limit))
	default:
		done.fail(Unknown, ReasonUnreachable, "Your workstation could not be reached; it is tried again.")
		c.logger.Debug("grader: workstation", "error", err)
	}
	return nil
}

// workstationGrace is how much longer than the command the way to it may take.
const workstationGrace = 2 * time.Second

// text is a stream's beginning as text that CEL accepts.
func text(stream []byte) string {
	return strings.ToValidUTF8(string(stream[:min(len(stream), outputSize)]), "\uFFFD")
}
