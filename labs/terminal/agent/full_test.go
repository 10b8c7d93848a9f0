package agent

import "testing"

func TestFullness(t *testing.T) {
	tests := []struct {
		name  string
		room  func(second int) bool
		after int // looks
		end   bool
	}{
		{"full for a minute", func(int) bool { return false }, fullMost, true},
		{"full for a moment", func(s int) bool { return s > 30 }, 30 + roomMost, false},
		{"a gap now and then", func(s int) bool { return s%5 == 0 }, 98, true}, // three steps on in five looks
		{"room at last", func(s int) bool { return s > 50 }, 50 + roomMost, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var seen fullness
			for s := 1; ; s++ {
				end, well := seen.look(map[bool]int{true: 5, false: 500}[test.room(s)])
				if end || well {
					if s != test.after || end != test.end {
						t.Errorf("after %d looks: end %v, well %v; want %d, %v", s, end, well, test.after, test.end)
					}
					return
				}
			}
		})
	}
}
