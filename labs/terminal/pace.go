package terminal

import "time"

// pace holds one terminal to fullSpeed on average, which is more than a browser
// can show, so that it leaves processor time to the others. A keystroke's echo
// never waits for it.
type pace struct {
	due time.Time // when as much as was read would have been read at that speed
}

const (
	fullSpeed = 84 << 20              // bytes a second
	ease      = time.Millisecond      // that early is early enough to wait
	catchUp   = 10 * time.Millisecond // what was slower may be made up for that much
)

// took notes that n bytes were read, and blocks while that is too many.
func (p *pace) took(n int) {
	now := time.Now()
	if behind := now.Add(-catchUp); p.due.Before(behind) {
		p.due = behind
	}
	p.due = p.due.Add(time.Duration(n) * time.Second / fullSpeed)
	if early := p.due.Sub(now); early >= ease {
		time.Sleep(early)
	}
}
