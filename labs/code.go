package labs

import (
	"crypto/rand"
	"strings"
)

// codeAlphabet leaves out what is mistaken for something else when it is read
// from a board or said aloud: 0 and O, 1 and I and L, 5 and S, 8 and B, 2 and Z,
// U and V. It has 23 signs: 8 of them make more than 36 bits.
const codeAlphabet = "34679ACDEFGHJKMNPQRTWXY"

const codeLength = 8

// newCode returns a class code: "K7QM-3XRT".
func newCode() string { return drawSigns(2) }

// withNewCode calls use with a new code, and again where another class has it. Two
// codes in 36 bits hardly ever meet; a third try is never needed.
func withNewCode(use func(code string) error) error {
	for try := 1; ; try++ {
		if err := use(newCode()); CodeOf(err) != CodeConflict || try == 3 {
			return err
		}
	}
}

// newPassword returns a password of 54 bits that can be read aloud: "K7QM-3XRT-9FGH".
func newPassword() string { return drawSigns(3) }

// drawSigns returns groups of four signs, each drawn evenly, with hyphens between.
func drawSigns(groups int) string {
	var code strings.Builder
	random := make([]byte, 1)
	for code.Len() < groups*5-1 {
		if code.Len()%5 == 4 {
			code.WriteByte('-')
		}
		rand.Read(random) // never fails
		// A byte beyond the last whole multiple would favour the first signs.
		if n := int(random[0]); n < 256/len(codeAlphabet)*len(codeAlphabet) {
			code.WriteByte(codeAlphabet[n%len(codeAlphabet)])
		}
	}
	return code.String()
}

// cleanCode returns code as newCode writes it, however it was typed: "" for what
// cannot be one.
func cleanCode(code string) string {
	signs := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(code)))
	if len(signs) != codeLength || strings.Trim(signs, codeAlphabet) != "" {
		return ""
	}
	return signs[:codeLength/2] + "-" + signs[codeLength/2:]
}
