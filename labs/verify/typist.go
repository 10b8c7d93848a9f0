package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"wheelhouse/labs/terminal"
)

const (
	// prompted is what the shell writes with each prompt (the mark that OSC 133
	// gives to a prompt's start), so that typing can wait for it.
	prompted = "\x1b]133;A\x07"

	// quiet is for how long a program that shows no prompt of our shell's, such
	// as a shell in a pod, may be silent before the next line is typed into it.
	quiet = 3 * time.Second

	// lineTimeout is how long one line of a solution may take, roll-outs that it
	// waits for included.
	lineTimeout = 3 * time.Minute

	// interruptTimeout is how long a program may take to end after Ctrl-C.
	interruptTimeout = 5 * time.Second
)

// typist types into a terminal of a workstation as a student would, a line at
// a time.
type typist struct {
	conn     *terminal.Conn
	done     chan struct{} // closed when the reader has ended
	patience time.Duration // how long a line may take

	mu     sync.Mutex
	output strings.Builder
	news   chan struct{} // closed, and replaced, at each output
	err    error         // why the reader ended
}

// newTypist opens a terminal of that name and waits for its prompt. Close has to
// be called.
func newTypist(ctx context.Context, workstation terminal.Dialer, name string) (*typist, error) {
	conn, err := terminal.Attach(ctx, workstation, terminal.AttachRequest{Terminal: name, Cols: 160, Rows: 50})
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	t := &typist{conn: conn, done: make(chan struct{}), patience: lineTimeout, news: make(chan struct{})}
	go t.read()
	if err := t.typeLine(ctx, `PS1='\[\e]133;A\a\]$ ' PS2='\[\e]133;A\a\]> '`); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// read gathers output, and acknowledges it so that more follows.
func (t *typist) read() {
	defer close(t.done)
	var offset int64
	for {
		frame, err := t.conn.Read()
		if err == nil && frame.Kind == terminal.FrameControl {
			var control terminal.Control
			if json.Unmarshal(frame.Payload, &control) == nil && control.Type == "attached" {
				offset = control.Offset
			}
			continue
		}
		t.mu.Lock()
		if err == nil {
			t.output.Write(frame.Payload)
			offset += int64(len(frame.Payload))
		} else {
			t.err = err
		}
		close(t.news)
		t.news = make(chan struct{})
		t.mu.Unlock()
		if err == nil {
			err = t.control(terminal.Control{Type: "ack", Offset: offset})
		}
		if err != nil {
			return
		}
	}
}

func (t *typist) control(control terminal.Control) error {
	payload, err := json.Marshal(control)
	if err != nil {
		return err
	}
	return t.conn.Write(terminal.Frame{Kind: terminal.FrameControl, Payload: payload})
}

// typeText types a script, line by line, and waits after each until the shell
// has finished with it. Comments and empty lines are typed too: they may stand
// in a here-document.
func (t *typist) typeText(ctx context.Context, text string) error {
	for line := range strings.Lines(text) {
		if err := t.typeLine(ctx, strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// typeLine types one line and waits for the prompt after it, or for a silence
// where another program reads what is typed.
func (t *typist) typeLine(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.patience, fmt.Errorf("%q was not over after %s", line, t.patience))
	defer cancel()
	return t.press(ctx, line+"\r", line)
}

// interrupt presses Ctrl-C and waits for a prompt.
func (t *typist) interrupt(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, interruptTimeout, errors.New("Ctrl-C did not help"))
	defer cancel()
	return t.press(ctx, "\x03", "Ctrl-C")
}

// press sends keys, which an error calls line, and waits as typeLine says.
func (t *typist) press(ctx context.Context, keys, line string) error {
	before, _, _ := t.seen()
	if err := t.conn.Write(terminal.Frame{Kind: terminal.FrameInput, Payload: []byte(keys)}); err != nil {
		return fmt.Errorf("type %q: %w", line, err)
	}
	for {
		text, news, err := t.seen()
		fresh := text[len(before):]
		switch {
		case strings.Contains(fresh, prompted):
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("the shell ended at %q", line)
		case err != nil:
			return fmt.Errorf("read the terminal after %q: %w", line, err)
		}
		// Silence counts only where some other program has shown its prompt:
		// a kubectl that waits is silent too, and ends with our shell's prompt.
		silence := time.NewTimer(quiet)
		select {
		case <-news:
			silence.Stop()
		case <-silence.C:
			if otherPrompt(fresh) {
				return nil
			}
			select {
			case <-news:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		case <-ctx.Done():
			silence.Stop()
			return context.Cause(ctx)
		}
	}
}

// otherPrompt tells whether output ends like the prompt of a program that waits
// for a line: "/ # ", "sh-5.2$ ", "mysql> ".
func otherPrompt(output string) bool {
	trimmed := strings.TrimSuffix(strings.TrimSuffix(output, "\x1b[6n"), " ")
	return strings.HasSuffix(trimmed, "#") || strings.HasSuffix(trimmed, "$") || strings.HasSuffix(trimmed, ">")
}

func (t *typist) seen() (output string, news <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.output.String(), t.news, t.err
}

// transcript returns the last of what the terminal showed, for a report.
func (t *typist) transcript() string {
	text, _, _ := t.seen()
	text = strings.ReplaceAll(text, prompted, "")
	const most = 4000
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// Close ends the connection; the shell lives and dies with its workstation.
func (t *typist) Close() {
	t.conn.Close()
	<-t.done
}
