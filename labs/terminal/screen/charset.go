package screen

// charsets are what programs designate: line drawing, and British. National ones of
// the last century are read as ASCII.
var charsets = map[byte]map[rune]rune{
	'0': drawing(),
	'A': {'#': '£'},
}

func drawing() map[rune]rune {
	set := map[rune]rune{}
	for i, r := range []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·") {
		set['`'+rune(i)] = r
	}
	return set
}

func mapped(charset byte, r rune) rune {
	if other, ok := charsets[charset][r]; ok {
		return other
	}
	return r
}
