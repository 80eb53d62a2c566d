package quality

import (
	"crypto/sha256"
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
	words  map[string]uint32
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

// read makes a file's tokens: the leaves of its syntax without comments,
// strings in one piece.
func (d *dictionary) read(path string, tree *syntax.Tree) (text, error) {
	t := text{path: path, lines: tree.Lines()}
	local := make(map[string]uint32) // this file's numbers
	var keys []string
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
			number = uint32(len(keys))
			local[string(bytes)] = number
			keys = append(keys, key(bytes))
		}
		first, last := n.Lines()
		t.words = append(t.words, number)
		t.spans = append(t.spans, lineSpan{uint32(first), uint32(last)})
		return false
	})
	return t, d.translate(t.words, keys)
}

// translate turns a file's numbers into those of all files.
func (d *dictionary) translate(words []uint32, keys []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tokens += len(words); d.tokens > tokenLimit {
		return fmt.Errorf("more source than can be compared at once (%d million tokens): give the parts of the repository gates of their own, or disable this one", tokenLimit/1_000_000)
	}
	if d.words == nil {
		d.words = make(map[string]uint32)
	}
	numbers := make([]uint32, len(keys))
	for i, k := range keys {
		number, ok := d.words[k]
		if !ok {
			number = uint32(len(d.words) + 1)
			d.words[k] = number
		}
		numbers[i] = number
	}
	for i, w := range words {
		words[i] = numbers[w]
	}
	return nil
}

// key is a token's text, or the digest of a long one. No text is as short as
// its digest is long, and means another.
func key(bytes []byte) string {
	if len(bytes) <= sha256.Size {
		return string(bytes)
	}
	sum := sha256.Sum256(bytes)
	return string(sum[:]) + "…"
}

func blank(bytes []byte) bool {
	for _, c := range bytes {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' {
			return false
		}
	}
	return true
}
