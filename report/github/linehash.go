package github

import (
	"strconv"
	"unicode/utf16"
)

// hashed is how many characters a line's hash covers.
const hashed = 100

// lineHashes are the fingerprints that code scanning tells alerts apart by, one
// for each line of a text. It does not make them itself, and what it has from
// other uploads was made by github/codeql-action (src/fingerprints.ts): a
// polynomial of the next hundred UTF-16 units that are no blanks, over line
// ends, the end of the text counting as 0xFFFF, and ":n" for the nth line with
// that hash.
func lineHashes(text string) []string {
	units, starts := significant(text)
	padded := append(units, make([]uint16, hashed)...)
	seen := make(map[uint64]int)
	hashes := make([]string, len(starts))
	for i, start := range starts {
		var h uint64
		for _, u := range padded[start : start+hashed] {
			h = h*37 + uint64(u)
		}
		seen[h]++
		hashes[i] = strconv.FormatUint(h, 16) + ":" + strconv.Itoa(seen[h])
	}
	return hashes
}

// significant is a text without blanks, every end of a line a LF, and where in
// it each line starts.
func significant(text string) (units []uint16, starts []int) {
	atStart, afterCR := true, false
	for _, u := range append(utf16.Encode([]rune(text)), 0xFFFF) {
		if u == ' ' || u == '\t' || afterCR && u == '\n' {
			afterCR = false
			continue
		}
		afterCR = u == '\r'
		if afterCR {
			u = '\n'
		}
		if atStart {
			starts = append(starts, len(units))
		}
		atStart = u == '\n'
		units = append(units, u)
	}
	return units, starts
}
