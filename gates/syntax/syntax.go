// Package syntax is the one place where source code is parsed: the official
// tree-sitter grammars behind a small API in plain Go.
//
//	[Parse]   bytes → [Tree], or an error that says why there is none
//	[Tree]    the nodes of one file: read-only, safe for concurrent use
//	[Node]    a place in a tree: a value that can be compared and used as a key
//	[Files]   the trees of a git tree's files, each parsed once for all gates
//
// The binding's tree is copied into Go memory and freed before Parse returns.
// So there is nothing to close, a node can be kept as long as one likes, and no
// walk crosses into C. Nothing here recurses over the depth of the source.
//
// Without cgo there are no parsers: [Available] is false, and Parse returns
// [ErrUnavailable]. A gate that needs a tree then could not look; it must not
// pass.
package syntax

import (
	"bytes"
	"errors"
	"path"
	"strings"
	"time"
)

// Language is a grammar.
type Language uint8

const (
	Go Language = iota + 1
	Python
	JavaScript // and JSX
	TypeScript
	TSX
	Rust
)

// Languages are all languages.
func Languages() []Language { return []Language{Go, Python, JavaScript, TypeScript, TSX, Rust} }

var languageNames = [...]string{"unknown", "go", "python", "javascript", "typescript", "tsx", "rust"}

// String is the language's name, in lower case.
func (l Language) String() string {
	if int(l) < len(languageNames) {
		return languageNames[l]
	}
	return languageNames[0]
}

var (
	// ErrUnavailable: this build cannot parse anything.
	ErrUnavailable = errors.New("this build has no parsers: it was built without cgo")
	// ErrLanguage: there is no grammar for it.
	ErrLanguage = errors.New("not a supported language")
	// ErrTooLarge: the file is above the limit of size.
	ErrTooLarge = errors.New("too large to parse")
	// ErrTooHard: the parser was stopped at the limit of steps or of time.
	ErrTooHard = errors.New("too hard to parse")
)

// Versions names the grammars, for cache keys: an outcome depends on them.
const Versions = "tree-sitter/0.25.0 go/0.25.0 python/0.25.0 javascript/0.25.0 typescript/0.23.2 rust/0.24.0 wf-ci/1"

var extensions = map[string]Language{
	".go": Go,
	".py": Python, ".pyi": Python, ".pyw": Python,
	".js": JavaScript, ".mjs": JavaScript, ".cjs": JavaScript, ".jsx": JavaScript,
	".ts": TypeScript, ".mts": TypeScript, ".cts": TypeScript,
	".tsx": TSX,
	".rs":  Rust,
}

// LanguageOf is the language of a file, by its name and, where head (its first
// bytes, or all of them) is given, by its content: a script without extension
// has a #! line, and a .ts file may be a translation or a video.
func LanguageOf(name string, head []byte) (Language, bool) {
	ext := strings.ToLower(path.Ext(name))
	if l, ok := extensions[ext]; ok {
		if bytes.IndexByte(head, 0) >= 0 || ext == ".ts" && notTypeScript(head) {
			return 0, false
		}
		return l, true
	}
	if ext == "" {
		return interpreter(head)
	}
	return 0, false
}

func notTypeScript(head []byte) bool {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	return bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<!DOCTYPE"))
}

// interpreter is the language of a script's first line, "#!/usr/bin/env -S python3 -u".
func interpreter(head []byte) (Language, bool) {
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return 0, false
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	for _, word := range strings.Fields(string(line)) {
		base := path.Base(word)
		switch {
		case base == "env" || strings.HasPrefix(word, "-") || strings.Contains(word, "="):
			continue
		case strings.HasPrefix(base, "python") || base == "pypy" || base == "pypy3":
			return Python, true
		case base == "node" || base == "nodejs":
			return JavaScript, true
		case base == "deno" || base == "bun" || base == "ts-node" || base == "tsx":
			return TypeScript, true
		}
		return 0, false
	}
	return 0, false
}

// Limits bound what is parsed. The zero value stands for the defaults.
type Limits struct {
	// Size is the greatest size of a file, in bytes. Zero means 4 MiB.
	Size int64
	// Steps is how many steps the parser may take, in hundreds: a count, so that
	// every machine says the same of the same file. Zero means 10 000 and one for
	// every 8 bytes: eight times what source takes at most.
	Steps int64
	// Time is how long a file may take, for what the count of steps does not
	// see. Zero means 10 s: source takes a third of a second for each MB.
	Time time.Duration
}

// maxSize is the greatest size whatever the limits say: offsets have 32 bits.
const maxSize = 256 << 20

func (l Limits) size() int64 {
	if l.Size <= 0 {
		return 4 << 20
	}
	return min(l.Size, maxSize)
}

func (l Limits) steps(size int) int64 {
	if l.Steps <= 0 {
		return 10_000 + int64(size)/8
	}
	return l.Steps
}

func (l Limits) time() time.Duration {
	if l.Time <= 0 {
		return 10 * time.Second
	}
	return l.Time
}
