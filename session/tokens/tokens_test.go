package tokens

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	var c Counter
	for text, want := range map[string]int{
		"":                         0,
		"hello world":              2, // as tiktoken has it
		"supercalifragilistic":     7,
		"hello world\nhello world": 5, // the line end is one
	} {
		if got, err := c.Count(text); got != want || err != nil {
			t.Errorf("Count(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	// Bytes that are no text, and a word without an end, are counted too.
	if n, err := c.Count("caf\xe9 " + strings.Repeat("a", 1<<20)); n < 1000 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	a, b := "- one thing\n", "- another ümlaut\n"
	na, _ := c.Count(a)
	nb, _ := c.Count(b)
	if n, _ := c.Count(a + b); n != na+nb {
		t.Errorf("two lines are %d tokens, one by one %d and %d", n, na, nb)
	}
}
