package agents

import (
	"slices"
	"strings"
	"unicode"
)

// Words are the words of a text, in order, each in its plain form. Letters and
// digits make words; everything else is between them, so that ci/cd and
// red-green-refactor are phrases of several.
func Words(text string) []string {
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range parts {
		parts[i] = plain(w)
	}
	return parts
}

// plain takes the endings of English off a word, the same for a keyword and for
// a task: tests, testing and tested are test; latest is not. Whole words are
// compared afterwards, never parts of them.
func plain(w string) string {
	switch {
	case len(w) < 4:
		return w
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		w = w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		w = w[:len(w)-1]
	}
	for _, ending := range []string{"ing", "ed"} {
		if stem, ok := strings.CutSuffix(w, ending); ok && len(stem) >= 3 && w[len(w)-3:] != "eed" && strings.ContainsAny(stem, "aeiouy") {
			w = single(stem)
			break
		}
	}
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// single undoes a doubled last letter: debugg is debug. Those that words end in
// anyway stay: call, pass.
func single(w string) string {
	n := len(w)
	if n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("lsz", rune(w[n-1])) && w[n-1] < 0x80 {
		return w[:n-1]
	}
	return w
}

// text is a task with an index of its words.
type text struct {
	words []string
	at    map[string][]int
}

func index(task string) text {
	t := text{words: Words(task), at: make(map[string][]int)}
	for i, w := range t.words {
		t.at[w] = append(t.at[w], i)
	}
	return t
}

// has says whether a phrase stands in the text, word by word.
func (t text) has(phrase []string) bool {
	if len(phrase) == 0 {
		return false
	}
	for _, i := range t.at[phrase[0]] {
		if i+len(phrase) <= len(t.words) && slices.Equal(t.words[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}
