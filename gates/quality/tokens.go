package quality

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/wf-ci/wf-ci/gates/syntax"
)

// text is a file as a row of tokens.
type text struct {
	path  string
	lines int        // all of the file
	words []uint32   // what each token says; equal numbers, equal tokens
	spans []lineSpan // where each token stands
}

// lineSpan is the line a token begins on, and the one it ends on.
type lineSpan struct{ first, last uint32 }

// tokenLimit bounds the memory of a comparison: some 100 MB of source.
const tokenLimit = 24_000_000

// dictionary gives equal tokens equal numbers, from 1. The zero value is ready;
// it is safe for concurrent use.
type dictionary struct {
	mu     sync.Mutex
	words  map[word]uint32
	tokens int
}

// whole are nodes that are one token, whatever is in them.
var whole = map[string]bool{
	"interpreted_string_literal": true, "raw_string_literal": true, "rune_literal": true, // Go
	"string":         true,                       // Python, JavaScript, TypeScript
	"regex":          true,                       // JavaScript, TypeScript
	"string_literal": true, "char_literal": true, // Rust
}

// comments are nodes that are passed over.
var comments = map[string]bool{"comment": true, "html_comment": true, "line_comment": true, "block_comment": true, "hash_bang_line": true, "shebang": true}

// word stands for what a token says: the begin of its digest, so that nothing of
// a source is kept between runs. Two tokens that differ have one word in 10^5
// repositories of the greatest size; their lines would count as copies.
type word [8]byte

func wordOf(bytes []byte) word {
	sum := sha256.Sum256(bytes)
	return word(sum[:8])
}

// row is a file's tokens as they are kept: its words, each once, and for each
// token the number of its word, the lines from the last token's begin to its own,
// and the lines that it has more than one. Numbers are varints.
type row struct {
	Lines  int
	Words  []byte
	Tokens []byte
}

// errNoRow says that a row does not hold together: it was not kept by us.
var errNoRow = errors.New("not a row of tokens")

// readRow makes a file's tokens: the leaves of its syntax without comments,
// strings in one piece.
func readRow(tree *syntax.Tree) row {
	r := row{Lines: tree.Lines()}
	local := make(map[string]uint64) // this file's numbers
	before := 0
	tree.Root().Walk(func(n syntax.Node) bool {
		kind := n.Kind()
		switch {
		case comments[kind]:
			return false
		case !whole[kind] && !n.Leaf():
			return true
		}
		bytes := n.Bytes()
		if blank(bytes) {
			return false
		}
		number, ok := local[string(bytes)]
		if !ok {
			number = uint64(len(local))
			local[string(bytes)] = number
			w := wordOf(bytes)
			r.Words = append(r.Words, w[:]...)
		}
		first, last := n.Lines()
		for _, v := range []uint64{number, uint64(first - before), uint64(last - first)} {
			r.Tokens = binary.AppendUvarint(r.Tokens, v)
		}
		before = first
		return false
	})
	return r
}

// text is a file's row, with the numbers that its words have in all files.
func (d *dictionary) text(path string, r row) (text, error) {
	t := text{path: path, lines: r.Lines}
	known, line := uint64(len(r.Words)/len(word{})), uint64(0)
	for in := r.Tokens; len(in) > 0; {
		var v [3]uint64
		for i := range v {
			n, size := binary.Uvarint(in)
			if size <= 0 || n > 1<<31 {
				return t, errNoRow
			}
			v[i], in = n, in[size:]
		}
		line += v[1]
		if v[0] >= known || line+v[2] > uint64(r.Lines)+1 {
			return t, errNoRow
		}
		t.words = append(t.words, uint32(v[0]))
		t.spans = append(t.spans, lineSpan{uint32(line), uint32(line + v[2])})
	}
	return t, d.translate(t.words, r.Words)
}

// translate turns a file's numbers into those of all files.
func (d *dictionary) translate(words []uint32, keys []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tokens += len(words); d.tokens > tokenLimit {
		return fmt.Errorf("more source than can be compared at once (%d million tokens): give the parts of the repository gates of their own, or disable this one", tokenLimit/1_000_000)
	}
	if d.words == nil {
		d.words = make(map[word]uint32)
	}
	numbers := make([]uint32, 0, len(keys)/len(word{}))
	for ; len(keys) >= len(word{}); keys = keys[len(word{}):] {
		k := word(keys[:len(word{})])
		number, ok := d.words[k]
		if !ok {
			number = uint32(len(d.words) + 1)
			d.words[k] = number
		}
		numbers = append(numbers, number)
	}
	for i, w := range words {
		words[i] = numbers[w]
	}
	return nil
}

func blank(bytes []byte) bool {
	for _, c := range bytes {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' {
			return false
		}
	}
	return true
}
