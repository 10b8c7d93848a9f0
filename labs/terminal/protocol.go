// Package terminal holds terminals that outlive a connection. Its Terminal is a
// shell on a pseudo-terminal with the last of its output in a ring, so that a
// viewer who comes back gets the bytes they missed, no byte twice. Terminals run
// in the agent (folder agent), the first process of every workstation; Attach,
// Run and WriteFile speak to an agent from the server. It knows no sessions, no
// people and no clusters.
package terminal

// Protocol is the name in the HTTP Upgrade with which Attach leaves HTTP. After
// it both sides send frames: one byte of FrameKind, four bytes of length, big
// endian, and that many bytes of payload, at most MaxFrame.
const (
	Protocol = "wheelhouse-terminal/1"
	MaxFrame = 64 << 10
)

// FrameKind is the first byte of a frame.
type FrameKind byte

// The kinds of frame. Those that carry JSON carry a Control.
const (
	FrameOutput  FrameKind = 'o' // agent to server: bytes that the shell wrote
	FrameInput   FrameKind = 'i' // server to agent: bytes that the student typed
	FrameControl FrameKind = 'c' // both ways: a Control as JSON
)

// Control is what travels beside the bytes. The browser's WebSocket uses the
// same JSON in its text messages, and its binary messages are output and input.
//
// A viewer counts the output it gets: the byte after the first attached is
// number Offset. It acknowledges what it has shown at least once every 64 KiB,
// because output stops when Window bytes are unacknowledged. When it comes back
// it asks for the Epoch and the offset that it has reached. Where the attached
// that answers has another Epoch or another Offset, what is on the screen does
// not continue: the viewer clears it first. Where the ring has lost what comes next,
// Offset lies before what the ring holds: the first bytes then are none of the shell's,
// but paint the screen as it was there, with all modes in force, and count like others.
// A viewer that has seen exit comes
// back with no Epoch, and gets a new shell.
//
// A viewer who types names themselves with a Source of their own, and counts what
// they type from the first byte in an Epoch on. They keep it until a typed, or the
// attached of a later connection, says that the shell has taken it; what it has not
// they send again then, so that no key is lost and none is pressed twice. An attached
// without their Source is of an agent that counts no input.
//
// A terminal with several viewers has one whose screen answers the queries in its
// output: the one who attached or typed last. The others are Muted: what their
// screens answer is not input. Who answers changes at an Offset of the output, so
// that each query has one answer.
//
// The terminal has the size of the viewer who attached or resized last. When that
// viewer leaves, it gets the size of the one who did, or typed, last before.
type Control struct {
	// Type says which of the other fields count:
	//   attached  to the viewer, first: Terminal, Epoch, Offset, Until, Lost, Source, Typed, Cols, Rows, Muted;
	//             again when the viewer was so slow that the ring lost what comes next
	//   size      to the viewer: Cols and Rows of the terminal changed, or Muted did, from Offset on
	//   typed     to the viewer: Offset, all of its input before it is taken
	//   exit      to the viewer, last: ExitCode
	//   error     to the viewer, last: Message, Refused
	//   resize    from the viewer: Cols, Rows
	//   ack       from the viewer: Offset, all output before it is on the screen
	Type     string `json:"type"`
	Terminal string `json:"terminal,omitempty"`
	Epoch    string `json:"epoch,omitempty"`  // names this shell; another epoch's offsets mean nothing
	Offset   int64  `json:"offset"`           // attached: of the first byte that follows, counted from the shell's start
	Until    int64  `json:"until,omitempty"`  // attached: output before it is replay; answers of the screen to it are not input
	Lost     int64  `json:"lost,omitempty"`   // attached: bytes of the shell's that this viewer will never get
	Source   string `json:"source,omitempty"` // attached: whose input Typed counts
	Typed    int64  `json:"typed,omitempty"`  // attached: bytes of Source's input that the shell has taken
	Cols     int    `json:"cols,omitempty"`   // 2 to 1000
	Rows     int    `json:"rows,omitempty"`   // 1 to 500
	Muted    bool   `json:"muted,omitempty"`  // attached, size: another viewer's screen answers queries
	ExitCode int    `json:"exitCode"`         // exit; 128 and the signal's number for a shell that a signal ended
	Message  string `json:"message,omitempty"`
	Refused  bool   `json:"refused,omitempty"` // error: what was typed last is not taken, and is not to come again
}

// Flow control, in bytes.
const (
	Window     = 512 << 10 // a viewer gets no more output while this much is unacknowledged,
	resumeAt   = 128 << 10 // until no more than this is
	typedEvery = 4 << 10   // bytes of input between two typed
	ahead      = 256 << 10 // how far the terminal is read before its fastest viewer
)
