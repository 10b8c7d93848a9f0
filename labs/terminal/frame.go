package terminal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

const (
	headerSize = 5
	maxControl = 4 << 10 // bytes of JSON in one control frame
	maxMessage = 500     // runes of a message from the other side
)

// ErrProtocol is in the chain of every error that comes from a peer who broke
// the protocol. The connection is of no more use.
var ErrProtocol = errors.New("terminal protocol broken")

// Frame is one message between an agent and its peer.
type Frame struct {
	Kind    FrameKind
	Payload []byte // output, input, or a Control as JSON
}

// ControlFrame returns the frame that carries c.
func ControlFrame(c Control) Frame {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // a struct of strings and numbers always marshals
	}
	return Frame{Kind: FrameControl, Payload: payload}
}

// Control returns what a control frame carries.
func (f Frame) Control() (Control, error) {
	var c Control
	switch {
	case f.Kind != FrameControl:
		return c, fmt.Errorf("%w: frame of kind %q carries no control message", ErrProtocol, f.Kind)
	case len(f.Payload) > maxControl:
		return c, fmt.Errorf("%w: control message of %d bytes, more than %d", ErrProtocol, len(f.Payload), maxControl)
	}
	if err := json.Unmarshal(f.Payload, &c); err != nil {
		return c, fmt.Errorf("%w: control message is no JSON object: %w", ErrProtocol, err)
	}
	return c, nil
}

// AppendFrame appends f as it travels to dst. It panics where the payload is
// longer than MaxFrame, which is the caller's mistake.
func AppendFrame(dst []byte, f Frame) []byte {
	if len(f.Payload) > MaxFrame {
		panic(fmt.Sprintf("terminal: frame of %d bytes", len(f.Payload)))
	}
	dst = append(dst, byte(f.Kind))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Payload)))
	return append(dst, f.Payload...)
}

// FrameReader reads frames from a stream that is not trusted.
type FrameReader struct {
	r   *bufio.Reader
	buf []byte

	// begun and ended, where set, are called around the part of Next that waits
	// for the rest of a frame whose first byte is there.
	begun, ended func()
}

// NewFrameReader returns a FrameReader that reads from r.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{r: bufio.NewReaderSize(r, headerSize+MaxFrame)}
}

// Next blocks until a whole frame is there. The payload is valid until the next
// call. At the end of the stream between two frames the error is io.EOF, within
// one io.ErrUnexpectedEOF; a frame that is too long or of an unknown kind is
// ErrProtocol.
func (fr *FrameReader) Next() (Frame, error) {
	if _, err := fr.r.Peek(1); err != nil {
		return Frame{}, err
	}
	if fr.begun != nil {
		fr.begun()
		defer fr.ended()
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(fr.r, header[:]); err != nil {
		return Frame{}, err
	}
	frame := Frame{Kind: FrameKind(header[0])}
	switch frame.Kind {
	case FrameOutput, FrameInput, FrameControl:
	default:
		return Frame{}, fmt.Errorf("%w: frame of unknown kind %#x", ErrProtocol, header[0])
	}
	size := binary.BigEndian.Uint32(header[1:])
	if size > MaxFrame {
		return Frame{}, fmt.Errorf("%w: frame of %d bytes, more than %d", ErrProtocol, size, MaxFrame)
	}
	if fr.buf == nil {
		fr.buf = make([]byte, MaxFrame)
	}
	frame.Payload = fr.buf[:size]
	if _, err := io.ReadFull(fr.r, frame.Payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return frame, nil
}

// validSize tells whether a terminal can be that large.
func validSize(cols, rows int) bool {
	return cols >= 2 && cols <= 1000 && rows >= 1 && rows <= 500
}

// fromViewer checks a control message that a viewer sent.
func (c Control) fromViewer() error {
	switch c.Type {
	case "resize":
		if !validSize(c.Cols, c.Rows) {
			return fmt.Errorf("%w: a terminal of %d columns and %d rows; it can have 2 to 1000 and 1 to 500", ErrProtocol, c.Cols, c.Rows)
		}
	case "ack":
		if c.Offset < 0 {
			return fmt.Errorf("%w: acknowledged up to %d", ErrProtocol, c.Offset)
		}
	default:
		return fmt.Errorf("%w: a viewer sent a control message of type %q", ErrProtocol, printable(c.Type))
	}
	return nil
}

// fromAgent checks a control message that an agent sent, and returns it without
// the fields that do not belong to its type and without characters that could
// steer a terminal or a log.
func (c Control) fromAgent() (Control, error) {
	clean := Control{Type: c.Type}
	switch c.Type {
	case "attached":
		if c.Offset < 0 || c.Until < c.Offset || c.Lost < 0 || !validSize(c.Cols, c.Rows) || !validEpoch(c.Epoch) || c.Epoch == "" ||
			!validEpoch(c.Source) || c.Typed < 0 || !ValidName(c.Terminal) {
			return clean, fmt.Errorf("%w: the agent attached with impossible values", ErrProtocol)
		}
		clean.Terminal, clean.Epoch = c.Terminal, c.Epoch
		clean.Offset, clean.Until, clean.Lost = c.Offset, c.Until, c.Lost
		clean.Source, clean.Typed = c.Source, c.Typed
		clean.Cols, clean.Rows, clean.Muted = c.Cols, c.Rows, c.Muted
	case "typed":
		if c.Offset < 0 {
			return clean, fmt.Errorf("%w: the agent took input up to %d", ErrProtocol, c.Offset)
		}
		clean.Offset = c.Offset
	case "size":
		if !validSize(c.Cols, c.Rows) || c.Offset < 0 {
			return clean, fmt.Errorf("%w: the agent told an impossible size", ErrProtocol)
		}
		clean.Cols, clean.Rows, clean.Muted, clean.Offset = c.Cols, c.Rows, c.Muted, c.Offset
	case "exit":
		if c.ExitCode < 0 || c.ExitCode > 255 {
			return clean, fmt.Errorf("%w: the agent told the exit code %d", ErrProtocol, c.ExitCode)
		}
		clean.ExitCode = c.ExitCode
	case "error":
		clean.Message, clean.Refused = printable(c.Message), c.Refused
	default:
		return clean, fmt.Errorf("%w: the agent sent a control message of type %q", ErrProtocol, printable(c.Type))
	}
	return clean, nil
}

// printable returns the beginning of s without control characters.
func printable(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxMessage {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// ValidName tells whether a terminal can have that name: 1 to 32 lower-case
// letters, digits and hyphens.
func ValidName(name string) bool {
	return name != "" && len(name) <= 32 && len(bytes.Trim([]byte(name), "abcdefghijklmnopqrstuvwxyz0123456789-")) == 0
}

// validEpoch tells whether s can name an epoch or a source; "" is none.
func validEpoch(s string) bool {
	return len(s) <= 32 && strings.Trim(s, "0123456789abcdef") == ""
}
