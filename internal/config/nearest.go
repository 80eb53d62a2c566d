package config

import (
	"fmt"
	"strings"
)

// maxCandidates bounds the work for a file with thousands of gates and mistakes.
const maxCandidates = 100

// nearest returns the candidate that a word was probably meant to be: one that
// it begins, or one within the given number of edits. Empty: none.
func nearest(word string, candidates []string, edits int) string {
	if word == "" || len(word) > 64 { // nobody mistypes that much
		return ""
	}
	word = strings.ToLower(word)
	best, least := "", edits+1
	for _, c := range candidates {
		if d := distance(word, strings.ToLower(c)); d < least && d < len(c) {
			best, least = c, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, word) {
			return c
		}
	}
	return ""
}

// didYouMean is a hint: the nearest right word, or all of them.
func didYouMean(word string, candidates []string) string {
	candidates = candidates[:min(len(candidates), maxCandidates)]
	edits := 2
	if len(word) <= 4 {
		edits = 1
	}
	if c := nearest(word, candidates, edits); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return knownHere(candidates)
}

// knownHere is a hint that lists what is known; none if nothing is.
func knownHere(words []string) string {
	const most = 30
	switch {
	case len(words) == 0:
		return ""
	case len(words) > most:
		return "known here: " + strings.Join(words[:most], ", ") + " ..."
	}
	return "known here: " + strings.Join(words, ", ")
}

// distance is the number of edits (a letter added, removed, replaced, or
// swapped with the next) that turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		before, above, row = above, row, before
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(t)]
}
