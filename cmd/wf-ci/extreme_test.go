//go:build extreme

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Repositories that are too large for a run of the tests: the program sees the
// secret at their end, and keeps within its memory.
//
//	go test -tags extreme -run Extreme -v -timeout 2h ./cmd/wf-ci
//
// It prints what each took. It needs 20 GB in TMPDIR.
func TestExtreme(t *testing.T) {
	program := filepath.Join(t.TempDir(), "wf-ci")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		name   string
		make   func(w *mill)
		memory int64 // MiB that the program may use, its children not counted
		found  int
	}{
		{"a pack of 2 GB", packOf2GB, 300, 1},
		{"a blob of 4 GB", blobOf4GB, 300, 1},
		{"2 million files", files2Million, 2000, 1},
		{"100,000 refs", refs100000, 300, 1},
		{"a line of 100 MB in the history", lineInHistory, 1000, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			w := newMill(t, dir)
			tt.make(w)
			w.finish()
			c := exec.Command(program, "run", "--only", "secrets", "--json", "--no-cache", "-C", dir)
			c.Env = append(os.Environ(), "CI=", "GITHUB_ACTIONS=")
			var out, errs bytes.Buffer
			c.Stdout, c.Stderr = &out, &errs
			begun := time.Now()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			mib, err := peak(c.Process.Pid, ended)
			t.Logf("%v wall, %v of processor time with git's, %d MiB", time.Since(begun).Round(time.Second),
				(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Round(time.Second), mib)
			var v struct {
				Gates []struct {
					ID       string
					Findings []struct{ Path, Commit string }
				}
			}
			if bad := json.Unmarshal(out.Bytes(), &v); bad != nil || c.ProcessState.ExitCode() != exitFail {
				t.Fatalf("%v %v: %s %.2000s", err, bad, errs.String(), out.String())
			}
			n := 0
			for _, g := range v.Gates {
				n += len(g.Findings)
			}
			if n != tt.found {
				t.Errorf("%d findings: %.2000s", n, out.String())
			}
			if mib > tt.memory {
				t.Errorf("it used %d MiB, %d are allowed", mib, tt.memory)
			}
		})
	}
}

// peak is the most memory, in MiB, that a process had until it ended. What the
// system says of it afterwards would count its children too.
func peak(pid int, ended <-chan error) (mib int64, err error) {
	for {
		select {
		case err := <-ended:
			return mib, err
		case <-time.After(50 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kib int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
				mib = max(mib, kib>>10)
			}
		}
	}
}

// mill writes a repository through git fast-import.
type mill struct {
	*bufio.Writer
	t     *testing.T
	dir   string
	in    io.WriteCloser
	c     *exec.Cmd
	after []string // commands of git, at the end
	noise *rand.Rand
}

func newMill(t *testing.T, dir string) *mill {
	w := &mill{t: t, dir: dir, noise: rand.New(rand.NewPCG(1, 2))}
	w.git("init", "-q", "-b", "main")
	w.c = exec.Command("git", "-C", dir, "-c", "core.compression=1", "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet")
	var err error
	if w.in, err = w.c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	w.Writer = bufio.NewWriterSize(w.in, 1<<20)
	if err := w.c.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *mill) git(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("git", append([]string{"-C", w.dir}, args...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func (w *mill) commit(message string) {
	fmt.Fprintf(w, "commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata %d\n%s\n", 1_700_000_000, len(message), message)
}

func (w *mill) file(path string, size int64, content func(io.Writer)) {
	fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n", path, size)
	content(w)
	w.WriteString("\n")
}

// text is lines that nobody could compress, and no secret.
func (w *mill) text(size int) string {
	var b strings.Builder
	raw := make([]byte, 45)
	for b.Len() < size {
		for i := 0; i < len(raw); i += 5 {
			w.noise.Uint64()
			copy(raw[i:], fmt.Appendf(nil, "%05x", w.noise.Uint32()&0xfffff))
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw)[:59] + "\n")
	}
	return b.String()[:size]
}

// secret is what the gate has to find.
func secret() string { return "\nkey = \"AKIA" + "ZQ3DRSTUVWXY2345" + "\"\n" }

func (w *mill) finish() {
	w.t.Helper()
	if err := w.Flush(); err != nil {
		w.t.Fatal(err)
	}
	w.in.Close()
	if err := w.c.Wait(); err != nil {
		w.t.Fatal(err)
	}
	if len(w.after) == 0 {
		w.git("reset", "-q", "--hard")
	}
	for _, command := range w.after {
		w.git(strings.Fields(command)...)
	}
}

func packOf2GB(w *mill) {
	const size, files = 64 << 10, 40_000
	for i := range files {
		if i%100 == 0 {
			w.commit(fmt.Sprint("files from ", i))
		}
		text := w.text(size)
		if i == files/2 {
			text += secret()
		}
		w.file(fmt.Sprintf("d%d/f%d", i%100, i%1000), int64(len(text)), func(out io.Writer) { io.WriteString(out, text) })
	}
}

func blobOf4GB(w *mill) {
	const size = 4<<30 + 5
	w.commit("large")
	end, block := secret(), w.text(1<<20)
	w.file("large.txt", size, func(out io.Writer) {
		for n := size - len(end); n > 0; n -= len(block) {
			io.WriteString(out, block[:min(n, len(block))])
		}
		io.WriteString(out, end)
	})
}

func files2Million(w *mill) {
	w.commit("many")
	for i := range 2_000_000 {
		text := fmt.Sprint("file ", i%1000, "\n")
		if i == 1_999_999 {
			text += secret()
		}
		w.file(fmt.Sprintf("a%d/b%d/f%d", i%100, i/100%100, i), int64(len(text)), func(out io.Writer) { io.WriteString(out, text) })
	}
	// The work tree holds none of them, and the index says that this is meant.
	w.after = []string{"config core.sparseCheckout true", "sparse-checkout set --no-cone /none", "read-tree -m -u HEAD"}
}

func refs100000(w *mill) {
	w.commit("one")
	text := "x\n" + secret()
	w.file("a.txt", int64(len(text)), func(out io.Writer) { io.WriteString(out, text) })
	for i := range 100_000 {
		fmt.Fprintf(w, "reset refs/%s/b%d\nfrom refs/heads/main\n\n", [...]string{"heads", "remotes/origin", "tags"}[i%3], i)
	}
}

func lineInHistory(w *mill) {
	const size = 100 << 20
	w.commit("a long line")
	end, block := secret(), strings.Repeat("a1 ", 1<<18)
	w.file("line.txt", size, func(out io.Writer) {
		for n := size - len(end); n > 0; n -= len(block) {
			io.WriteString(out, block[:min(n, len(block))])
		}
		io.WriteString(out, end)
	})
	for i := range 10 {
		w.commit("gone")
		if i == 0 {
			w.WriteString("D line.txt\n")
		}
		text := fmt.Sprint(i, "\n")
		w.file("other.txt", int64(len(text)), func(out io.Writer) { io.WriteString(out, text) })
	}
}
