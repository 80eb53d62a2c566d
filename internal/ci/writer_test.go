package ci_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/ci/runnertest"
)

func TestWriter(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n":                           "plain\n",
		"::error::x\n":                      ": :error::x\n",
		" \t::error::x\n":                   " \t: :error::x\n",
		"\u00a0\u2003::error::x\n":          "\u00a0\u2003: :error::x\n",
		"\x00\x1b::error::x\n":              "\x00\x1b: :error::x\n",
		"std::string a::b\n":                "std::string a::b\n",
		"a ##[set-output name=v]pass\n":     "a ## [set-output name=v]pass\n",
		"####[x]##[y]\n":                    "#### [x]## [y]\n",
		"##\n[error]\n":                     "##\n[error]\n",
		"a\r::error::x\r\n::b\n":            "a\r: :error::x\r\n: :b\n",
		"a\u2028::error::x\v::y\u0085::z\n": "a\u2028: :error::x\v: :y\u0085: :z\n",
		"\xef\xbb\xbf::error::x\n":          "\ufeff: :error::x\n",
		"\xff\xfe:\x00:\x00\n":              "\ufffd\ufffd:\x00:\x00\n",
		"::::\n":                            ": :::\n",
		"no end":                            "no end\n",
		"\r\n\r\n":                          "\r\n\r\n",
		"":                                  "",
	} {
		var out bytes.Buffer
		w := ci.NewWriter(&out)
		writeAll(t, w, []byte(in), 0)
		if got := out.String(); got != want {
			t.Errorf("%q came out as %q, want %q", in, got, want)
		}
		refuse(t, out.Bytes())
	}
}

// However the bytes come in, the same lines go out.
func TestWriterChunks(t *testing.T) {
	in := []byte("a ##[error]b\r\n::error::é\u2028::x\n\xe2\x80::y ##[")
	var want bytes.Buffer
	writeAll(t, ci.NewWriter(&want), in, 0)
	for size := 1; size < len(in); size++ {
		var out bytes.Buffer
		writeAll(t, ci.NewWriter(&out), in, size)
		if !bytes.Equal(out.Bytes(), want.Bytes()) {
			t.Errorf("by %d: %q, want %q", size, out.Bytes(), want.Bytes())
		}
	}
}

// A rest that was flushed is a line of its own: what follows cannot make a
// command of it.
func TestWriterFlush(t *testing.T) {
	var out bytes.Buffer
	w := ci.NewWriter(&out)
	for _, part := range []string{"x ##", "[error]y", "\n:", ":error::z", "\n"} {
		writeAll(t, w, []byte(part), 0)
	}
	if got, want := out.String(), "x ##\n[error]y\n\n:\n:error::z\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	refuse(t, out.Bytes())
}

// A line that CR ends (a bar of progress) is shown when it is written.
func TestWriterProgress(t *testing.T) {
	var out bytes.Buffer
	w := ci.NewWriter(&out)
	fmt.Fprint(w, "10%\r20%\r30%")
	if got := out.String(); got != "10%\r20%\r" {
		t.Errorf("shown: %q", got)
	}
}

// A line without an end is cut, and no cut makes a command.
func TestWriterLongLines(t *testing.T) {
	for _, unit := range []string{"é", " ", "##[error]", "x::error::y ", "\u2028::"} {
		in := []byte(strings.Repeat(unit, 300_000/len(unit)) + "##[error]x")
		var out bytes.Buffer
		writeAll(t, ci.NewWriter(&out), in, 7919)
		refuse(t, out.Bytes())
		longest := 0
		for line := range strings.Lines(out.String()) {
			longest = max(longest, len(line))
		}
		if longest > 2*(64<<10) {
			t.Errorf("%q: a line of %d bytes", unit, longest)
		}
		joined := strings.NewReplacer("\n", "", "## [", "##[", ": :", "::").Replace(out.String())
		if joined != string(in) {
			t.Errorf("%q: the text changed", unit)
		}
	}
}

// Lines of many writers and commands of ours never mix.
func TestWriterConcurrent(t *testing.T) {
	var out bytes.Buffer
	w := ci.NewWriter(&out)
	beside := w.Beside(&out)
	commands := ci.NewCommands(w, actions)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				fmt.Fprintf(beside, "::error::hostile %d\n", i)
				_ = commands.Annotate(ci.LevelNotice, ci.Place{}, "ours")
				fmt.Fprintf(w, "##[error]hostile %d\n", i)
			}
		})
	}
	wg.Wait()
	var r runnertest.Runner
	r.Read(out.Bytes())
	if len(r.Issues["notice"])+r.Dropped["notice"] != 200 || len(r.Commands) != 200 || len(r.Log) != 400 {
		t.Errorf("%d notices, %d commands, %d lines", len(r.Issues["notice"])+r.Dropped["notice"], len(r.Commands), len(r.Log))
	}
}

func TestWriterError(t *testing.T) {
	broken := errors.New("broken pipe")
	w := ci.NewWriter(failing{broken})
	if n, err := w.Write([]byte("a\nb")); n != 3 || !errors.Is(err, broken) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("Flush = %v", err)
	}
	if err := w.Flush(); err != nil {
		t.Errorf("second Flush = %v, want nothing left to write", err)
	}
	if err := ci.NewCommands(w, actions).Notice("x"); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("Notice = %v, want the stream's error", err)
	}
}

// hostile are bytes that make up commands, to be mixed.
var hostile = []string{
	"::", ":", "#", "##", "[", "]", "##[", "error", "set-output name=verdict", "add-mask", "stop-commands", "set-env",
	" ", "\t", "\n", "\r", "\u2028", "\u0085", "\u00a0", "\u200d", "\u00ad", "\ufeff", "\xff\xfe", "\xfe\xff", "\x00", "x", "\u0301",
	"::error::", "##[error]", "\xa0", "\x85", "\x1b[0m",
}

// A file made of the worst, in any order, becomes no command.
func TestWriterHostile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var in strings.Builder
		for range 1 + rng.IntN(12) {
			in.WriteString(hostile[rng.IntN(len(hostile))])
		}
		var out bytes.Buffer
		writeAll(t, ci.NewWriter(&out), []byte(in.String()), 1+rng.IntN(9))
		refuse(t, out.Bytes())
	}
}

func FuzzWriter(f *testing.F) {
	for i, s := range hostile {
		f.Add([]byte(s+"::error::x"), uint8(i))
	}
	f.Add([]byte("a\r##[set-output name=verdict]pass"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		var out bytes.Buffer
		writeAll(t, ci.NewWriter(&out), in, int(size))
		refuse(t, out.Bytes())
	})
}

// writeAll writes in pieces of a size (zero: at once), and flushes.
func writeAll(t *testing.T, w *ci.Writer, in []byte, size int) {
	t.Helper()
	if size <= 0 {
		size = len(in)
	}
	for len(in) > 0 {
		n := min(size, len(in))
		if got, err := w.Write(in[:n]); got != n || err != nil {
			t.Fatalf("Write = %d, %v", got, err)
		}
		in = in[n:]
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// refuse fails when a runner, whatever its machine's encoding, finds a command.
func refuse(t *testing.T, stream []byte) {
	t.Helper()
	for _, latin1 := range []bool{false, true} {
		r := runnertest.Runner{Latin1: latin1}
		r.Read(stream)
		if len(r.Commands) > 0 {
			t.Fatalf("%q holds the command %+v (latin1 %v)", stream, r.Commands[0], latin1)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// env is an environment for tests.
func env(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(key string) string { return m[key] }
}

var actions = env("GITHUB_ACTIONS", "true")
