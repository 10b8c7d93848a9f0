package verify_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"wheelhouse/labs/verify"
)

// typing opens a typist on a shell, in a bubble of its own time.
func typing(t *testing.T, commands map[string]func(*tty), body func(t *testing.T, s *shell, typist verify.Typist)) {
	synctest.Test(t, func(t *testing.T) {
		s := &shell{commands: commands}
		typist, err := verify.NewTypist(t.Context(), serve(t, s).dial)
		if err != nil {
			t.Fatal(err)
		}
		defer typist.Close()
		body(t, s, typist)
	})
}

// wantTyped compares what the shell got, but for the first line, the typist's own.
func (s *shell) wantTyped(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.typed[1:]; !slices.Equal(got, want) {
		t.Errorf("typed %q, want %q", got, want)
	}
}

func TestALineWaitsForThePromptBeforeIt(t *testing.T) {
	commands := map[string]func(*tty){
		// A silence, even one after a prompt's sign, is no end.
		"roll-out": func(t *tty) {
			t.print("deployment/web created\r\nwaiting…")
			time.Sleep(2 * time.Minute)
			t.print("3 of 3\r\n")
		},
	}
	typing(t, commands, func(t *testing.T, s *shell, typist verify.Typist) {
		begun := time.Now()
		done := make(chan error)
		go func() { done <- typist.TypeText(t.Context(), "# wait\nroll-out\nnext\n") }()
		time.Sleep(119 * time.Second)
		s.wantTyped(t, "# wait", "roll-out")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		s.wantTyped(t, "# wait", "roll-out", "next")
		if took := time.Since(begun); took != 2*time.Minute {
			t.Errorf("took %s, want as long as the roll-out", took)
		}
		if want := "$ # wait\n$ roll-out\ndeployment/web created\nwaiting…3 of 3\n$ next\n$ "; !strings.HasSuffix(typist.Transcript(), want) {
			t.Errorf("transcript %q, want it to end with %q", typist.Transcript(), want)
		}
	})
}

func TestTypingIntoAnotherProgram(t *testing.T) {
	for _, prompt := range []string{"/ # ", "/ # \x1b[6n", "sh-5.2$ ", "mysql> "} {
		t.Run(prompt, func(t *testing.T) {
			commands := map[string]func(*tty){
				"open": after(time.Second, func(t *tty) { t.prompt = prompt }),
				"exit": func(t *tty) { t.prompt = ownPrompt },
			}
			typing(t, commands, func(t *testing.T, s *shell, typist verify.Typist) {
				begun := time.Now()
				if err := typist.TypeText(t.Context(), "open\nls\nexit\nls\n"); err != nil {
					t.Fatal(err)
				}
				s.wantTyped(t, "open", "ls", "exit", "ls")
				// A second to open, then three of silence after each of two lines.
				if took, want := time.Since(begun), 7*time.Second; took != want {
					t.Errorf("took %s, want %s", took, want)
				}
			})
		})
	}
}

func TestWhatKeepsATypistFromGoingOn(t *testing.T) {
	for _, test := range []struct {
		name    string
		command func(*tty)
		want    string
		took    time.Duration
	}{
		{"never over", after(time.Hour, func(*tty) {}), `"do" was not over after 3m0s`, 3 * time.Minute},
		{"the shell ends", after(time.Second, (*tty).exit), `the shell ended at "do"`, time.Second},
		{"the connection is cut", after(time.Second, (*tty).cut), `read the terminal after "do": `, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			typing(t, map[string]func(*tty){"do": test.command}, func(t *testing.T, s *shell, typist verify.Typist) {
				begun := time.Now()
				err := typist.TypeText(t.Context(), "ls\ndo\nnext\n")
				if err == nil || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("got %v, want %s", err, test.want)
				}
				if took := time.Since(begun); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				s.wantTyped(t, "ls", "do")
			})
		})
	}
}

func TestOutputIsAcknowledgedAndCut(t *testing.T) {
	const line = "wörter über wörter\r\n"
	var written int64
	commands := map[string]func(*tty){
		"yes":  func(t *tty) { t.print(strings.Repeat(line, 50_000)) },
		"last": func(t *tty) { written = t.written + int64(len(ownPrompt)) },
	}
	typing(t, commands, func(t *testing.T, s *shell, typist verify.Typist) {
		if err := typist.TypeText(t.Context(), "yes\nlast\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.acked != written || written < 1_000_000 {
			t.Errorf("acknowledged %d bytes, want all %d", s.acked, written)
		}
		text := typist.Transcript()
		if len(text) > 4100 || !utf8.ValidString(text) || !strings.HasPrefix(text, "…") || strings.ContainsAny(text, "\r\x1b\x07") {
			t.Errorf("transcript of %d bytes: %.60q", len(text), text)
		}
	})
}
