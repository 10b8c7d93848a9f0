package screen

import (
	_ "embed"
	"encoding/json"
	"sort"
	"sync"
)

// widthTable is what wcwidth of the workstation's C library says: its line editor
// counts columns by it, so whatever shows its output has to count the same. The page
// has a copy, web/src/terminal/widths.json.
//
//go:embed widths.json
var widthTable []byte

var widths = sync.OnceValue(func() (table struct{ Zero, Wide [][2]rune }) {
	if err := json.Unmarshal(widthTable, &table); err != nil {
		panic(err) // a test reads it too
	}
	return table
})

// Width returns how many columns a character takes: 0, 1 or 2.
func Width(r rune) int {
	switch table := widths(); {
	case r < 0x300:
		return 1
	case within(table.Zero, r):
		return 0
	case within(table.Wide, r):
		return 2
	}
	return 1
}

func within(ranges [][2]rune, r rune) bool {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i][1] >= r })
	return i < len(ranges) && ranges[i][0] <= r
}
