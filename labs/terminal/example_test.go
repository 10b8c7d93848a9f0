package terminal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"wheelhouse/labs/terminal"
)

// socket is the part of a WebSocket that a pump needs.
type socket interface {
	ReadMessage() (kind int, message []byte, err error)
	WriteMessage(kind int, message []byte) error
	Close() error
}

const text, binary = 1, 2

// pump joins a browser's socket to a terminal until one of them ends. Nothing is
// queued in between, so a browser that is slow slows its own terminal only, and
// keystrokes keep their order.
func pump(browser socket, conn *terminal.Conn) {
	var loops sync.WaitGroup
	loops.Go(func() { // the only one that writes to browser
		defer browser.Close()
		for {
			frame, err := conn.Read()
			if err != nil {
				return // io.EOF: exit or error has been passed on
			}
			kind := text
			if frame.Kind == terminal.FrameOutput {
				kind = binary
			}
			if browser.WriteMessage(kind, frame.Payload) != nil {
				return
			}
		}
	})
	loops.Go(func() { // the only one that reads from browser
		defer conn.Close()
		for {
			kind, message, err := browser.ReadMessage()
			if err != nil {
				return
			}
			frame := terminal.Frame{Kind: terminal.FrameInput, Payload: message}
			if kind == text {
				frame.Kind = terminal.FrameControl
			}
			// Another error is the agent's, of which the other loop learns after it
			// has read what the agent still had to say.
			if err := conn.Write(frame); errors.Is(err, terminal.ErrProtocol) {
				return
			}
		}
	})
	loops.Wait()
}

func ExampleAttach() {
	var dial terminal.Dialer // of a provisioner.Access
	var browser socket       // of an upgraded request
	if dial == nil {
		fmt.Println("no workstation in this example")
		return
	}
	conn, err := terminal.Attach(context.Background(), dial, terminal.AttachRequest{
		Terminal: "main", Epoch: "5f1c0a9e3b7d2468", Offset: 8192, Cols: 120, Rows: 40,
	})
	if refusal, ok := errors.AsType[*terminal.Error](err); ok {
		fmt.Println("tell the student:", refusal.Message)
		return
	}
	if err != nil {
		fmt.Println("log:", err)
		return
	}
	pump(browser, conn)
	// Output: no workstation in this example
}
