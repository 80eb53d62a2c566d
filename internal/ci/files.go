package ci

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// ErrNoFile says that the platform gave no file for this: outside of Actions,
// or in a runner that is older. Nothing was written, and nothing is wrong.
var ErrNoFile = errors.New("the platform gave no file for it")

// The platform's bounds. Outputs of a job may take 1 MB, counted in UTF-16
// (github.md A2), which is at most twice the bytes of UTF-8; a summary file
// above its bound is thrown away whole (Runner.Worker/FileCommandManager.cs).
const (
	MaxOutputFile  = 512 << 10
	MaxSummaryFile = 1 << 20
)

var outputName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// Output gives the step an output, through GITHUB_OUTPUT. The value may hold
// anything; what is no UTF-8 becomes U+FFFD. The error is [ErrNoFile], or says
// that the outputs would be too large together: then this one is not written,
// because half a value is a wrong one.
//
// The delimiter is random for each value and does not occur in it, so a value
// sets nothing but itself (a fixed one is CVE-2022-35954, and what
// go-githubactions has).
func Output(getenv func(string) string, name, value string) error {
	if err := output(getenv("GITHUB_OUTPUT"), rand.Reader, name, value); err != nil {
		return fmt.Errorf("output %q: %w", name, err)
	}
	return nil
}

// Meanwhile gives outputs that hold until take is called, and for good where it
// never is: the step was killed. What cannot be written is left out. take leaves
// the file alone where somebody else has written to it since.
func Meanwhile(getenv func(string) string, values [][2]string) (take func()) {
	path := getenv("GITHUB_OUTPUT")
	before := sizeOf(path)
	for _, kv := range values {
		_ = Output(getenv, kv[0], kv[1])
	}
	after := sizeOf(path)
	return func() {
		if after > before && sizeOf(path) == after {
			_ = os.Truncate(path, before)
		}
	}
}

// sizeOf is the size of a regular file; zero: there is none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// State gives the step's own post step a value, as its variable STATE_<name>,
// through GITHUB_STATE. Everything that holds for [Output] holds here.
func State(getenv func(string) string, name, value string) error {
	if err := output(getenv("GITHUB_STATE"), rand.Reader, name, value); err != nil {
		return fmt.Errorf("state %q: %w", name, err)
	}
	return nil
}

func output(path string, random io.Reader, name, value string) error {
	if !outputName.MatchString(name) {
		return errors.New("not a name for an output")
	}
	value = validUTF8(value)
	delimiter, err := newDelimiter(random, value)
	if err != nil {
		return err
	}
	entry := name + "<<" + delimiter + "\n" + value + "\n" + delimiter + "\n"
	return appendFile(path, func(size int64) (string, error) {
		if size+int64(len(entry)) > MaxOutputFile {
			return "", fmt.Errorf("%d bytes are too many: all outputs may take %d", len(value), MaxOutputFile)
		}
		return entry, nil
	})
}

// newDelimiter is a line that does not occur in the value.
func newDelimiter(random io.Reader, value string) (string, error) {
	for range 4 {
		var b [16]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", err
		}
		d := "ghadelimiter_" + hex.EncodeToString(b[:])
		if !strings.Contains(value, d) {
			return d, nil
		}
	}
	return "", errors.New("every delimiter tried occurs in the value")
}

// summaryCut ends a summary that had to be cut.
const summaryCut = "\n\n*Cut here: a step's summary may have 1 MiB.*\n"

// Summary adds Markdown to the step's summary, through GITHUB_STEP_SUMMARY. It
// is cut where the file, with what is in it already, would be larger than the
// platform takes; cut says so, and a line at its end. The error is [ErrNoFile]
// or the file's.
func Summary(getenv func(string) string, markdown string) (cut bool, err error) {
	markdown = strings.TrimRight(validUTF8(markdown), "\n") + "\n"
	err = appendFile(getenv("GITHUB_STEP_SUMMARY"), func(size int64) (string, error) {
		var text string
		text, cut = fit(markdown, int(MaxSummaryFile-size))
		return text, nil
	})
	if err != nil {
		return false, fmt.Errorf("step summary: %w", err)
	}
	return cut, nil
}

// fit cuts a text to a size, at the end of a line where one is near, and says
// so in the text. Without room to say so, nothing is left.
func fit(text string, room int) (string, bool) {
	if len(text) <= room {
		return text, false
	}
	if room < len(summaryCut) {
		return "", true
	}
	keep := text[:cutRune(text, room-len(summaryCut))]
	if i := strings.LastIndexByte(keep, '\n'); i > len(keep)-4096 && i > 0 {
		keep = keep[:i]
	}
	return keep + summaryCut, true
}

// appendFile adds to a file of the runner, by one write. What to add is decided
// by the size of what is there. Something that a child left there without an
// end of line is ended first: it would swallow our first line.
func appendFile(path string, text func(size int64) (string, error)) error {
	if path == "" {
		return ErrNoFile
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	size, end, err := fileEnd(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	add, err := text(size + int64(len(end)))
	if err == nil && add != "" {
		_, err = f.WriteString(end + add)
	}
	return errors.Join(err, f.Close())
}

// fileEnd is the size of a file, and what it lacks to end in a whole line. What
// is no regular file (a device, in a try-out) has neither.
func fileEnd(f *os.File) (size int64, end string, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return 0, "", err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return 0, "", err
	}
	if last[0] != '\n' {
		end = "\n"
	}
	return info.Size(), end, nil
}
