// Package tokens counts the tokens of a text. Nothing of it happens before the
// first count: the vocabulary takes some 50 ms to be read.
package tokens

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// Encoding is the vocabulary that is counted with. Claude's own is not public;
// this one is near enough for a budget, and is everywhere.
const Encoding = "cl100k_base"

// Counter counts tokens. The zero value is ready.
type Counter struct {
	once  sync.Once
	codec *codec.Codec
}

// lineLimit bounds what the library is given at once: it takes the square of
// the time for a word without an end.
const lineLimit = 4 << 10

// Count is how many tokens a text has: the sum of its lines', and of pieces of
// very long ones, so that a text put together of lines has the sum of theirs.
func (c *Counter) Count(text string) (int, error) {
	c.once.Do(func() { c.codec = codec.NewCl100kBase() })
	total := 0
	for line := range strings.Lines(text) {
		for line != "" {
			end := min(len(line), lineLimit)
			for end < len(line) && end > lineLimit/2 && !utf8.RuneStart(line[end]) {
				end--
			}
			piece := line[:end]
			line = line[len(piece):]
			n, err := c.codec.Count(piece)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}
