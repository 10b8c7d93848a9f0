//go:build machine

package machine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wheelhouse/content"
	"wheelhouse/labs/terminal"
)

// client is a student's browser.
type client struct {
	t       *testing.T
	cookies map[string]string
}

func newClient(t *testing.T, cookies map[string]string) *client {
	if cookies == nil {
		cookies = map[string]string{}
	}
	return &client{t, cookies}
}

// try sends a request as the page does and decodes the answer.
func (c *client) try(method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+address+path, reader)
	if err != nil {
		return err
	}
	request.Header = c.header()
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for _, cookie := range response.Cookies() {
		c.cookies[cookie.Name] = cookie.Value
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func (c *client) do(method, path string, body, into any) {
	c.t.Helper()
	if err := c.try(method, path, body, into); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) header() http.Header {
	header := http.Header{"Origin": {"http://" + address}}
	for name, value := range c.cookies {
		header.Add("Cookie", name+"="+value)
	}
	return header
}

// bootstrapSecret returns the secret that makes the first instructor, which the
// server has printed to the journal.
func bootstrapSecret(t *testing.T) string {
	t.Helper()
	var secret string
	waitFor(t, "the service's link", time.Minute*slow(), func() error {
		journal, err := exec.Command("journalctl", "-u", "wheelhouse", "--no-pager", "-o", "cat").Output()
		found := regexp.MustCompile(`#bootstrap=(\S+)`).FindSubmatch(journal)
		if found == nil {
			return fmt.Errorf("%w: %s", errors.Join(err, errors.New("no link")), journal)
		}
		secret = string(found[1])
		return nil
	})
	return secret
}

// join makes an instructor and a class, and joins it as a student.
func (c *client) join(secret string) {
	c.t.Helper()
	instructor := newClient(c.t, nil)
	instructor.do("POST", "/api/bootstrap", map[string]string{"secret": secret, "name": "Ada", "password": "correct horse battery"}, nil)
	var class struct{ Code string }
	instructor.do("POST", "/api/classes", map[string]string{"title": "Machines"}, &class)
	c.do("POST", "/api/join", map[string]string{"code": class.Code, "name": "Grace", "password": "staple correct horse"}, nil)
}

type session struct {
	ID, Phase, Message string
	Steps              []struct {
		Name        string
		CompletedAt *time.Time
		Checks      []struct{ Name, Status, Message string }
	}
}

// open opens a lab and waits for its cluster.
func (c *client) open(lab string) string {
	c.t.Helper()
	var s session
	c.do("POST", "/api/labs/"+lab+"/sessions", nil, &s)
	c.awaitPhase(s.ID, "Ready")
	return s.ID
}

func (c *client) awaitPhase(id, phase string) {
	c.t.Helper()
	waitFor(c.t, "a session that is "+phase, 4*time.Minute*slow(), func() error {
		var s session
		if err := c.try("GET", "/api/sessions/"+id, nil, &s); err != nil {
			return err
		}
		if s.Phase != phase {
			if s.Phase == "Failed" {
				c.t.Fatalf("the session has failed: %s\n%s", s.Message, run(c.t, "journalctl", "-u", "wheelhouse", "--no-pager", "-n", "50", "-o", "cat"))
			}
			return fmt.Errorf("it is %s: %s", s.Phase, s.Message)
		}
		return nil
	})
}

// doLab types the lab's solution into the terminal, step by step, until every step
// is complete.
func (c *client) doLab(id, lab string) {
	c.t.Helper()
	course, err := content.Load(content.Embedded(), "kubernetes")
	if err != nil {
		c.t.Fatal(err)
	}
	found, ok := course.Lab(lab)
	if !ok {
		c.t.Fatalf("there is no lab %s", lab)
	}
	for _, part := range found.Solution {
		step, script := part.Step, part.Text
		c.t.Logf("step %s: %s", step, c.shell(id, script))
		waitFor(c.t, "step "+step, time.Minute*slow(), func() error {
			var s session
			if err := c.try("GET", "/api/sessions/"+id, nil, &s); err != nil {
				return err
			}
			for _, got := range s.Steps {
				if got.Name == step && got.CompletedAt != nil {
					return nil
				}
			}
			return fmt.Errorf("it is not complete: %+v", s.Steps)
		})
	}
}

// shell types a script into the session's terminal and returns what it prints.
func (c *client) shell(id, script string) string {
	c.t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(c.t.Context(), "ws://"+address+"/api/sessions/"+id+"/terminals/main?cols=200&rows=50", c.header())
	if err != nil {
		c.t.Fatalf("open a terminal: %v", err)
	}
	defer conn.Close()
	// The marks are put together by the shell, so that the echo of what is typed has none.
	mark := fmt.Sprint(time.Now().UnixNano())
	line := fmt.Sprintf("clear; echo begin-''%s; echo %s | base64 -d | bash 2>&1; echo end-''%[1]s-$?\r", mark, base64.StdEncoding.EncodeToString([]byte(script)))
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte(line)); err != nil {
		c.t.Fatal(err)
	}
	var output bytes.Buffer
	var offset int64
	end := regexp.MustCompile(`(?s)begin-` + mark + `\r\n(.*)end-` + mark + `-(\d+)`)
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute * slow())); err != nil {
		c.t.Fatal(err)
	}
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			c.t.Fatalf("%s: %v; the terminal shows %q", script, err, output.String())
		}
		if kind == websocket.TextMessage {
			var control terminal.Control
			if err := json.Unmarshal(data, &control); err == nil && control.Type == "attached" {
				offset = control.Offset
			}
			continue
		}
		output.Write(data)
		offset += int64(len(data))
		if err := conn.WriteJSON(terminal.Control{Type: "ack", Offset: offset}); err != nil {
			c.t.Fatal(err)
		}
		if found := end.FindSubmatch(output.Bytes()); found != nil {
			if string(found[2]) != "0" {
				c.t.Errorf("%s: exit status %s: %s", script, found[2], found[1])
			}
			return strings.TrimSpace(string(found[1]))
		}
	}
}
