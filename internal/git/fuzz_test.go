package git

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// The parsers read what git prints about a hostile repository: whatever it is,
// they end, and give a place in the file and not a crash.
func FuzzParsePatches(f *testing.F) {
	f.Add([]byte("0123456789012345678901234567890123456789\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"))
	f.Add([]byte("+++ \"b/\\303\\251\"\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"))
	f.Add([]byte("@@ -1,9999999999 +1 @@\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = parsePatches(bufio.NewReader(bytes.NewReader(data)), func(h Hunk) error {
			if h.Path == "" || len(h.Text) > len(data) {
				t.Errorf("hunk %+v", h)
			}
			return nil
		})
	})
}

func FuzzParseDiff(f *testing.F) {
	f.Add([]byte(":100644 100644 a b M\x00x\x00\x00diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n"))
	f.Add([]byte(":000000 100644 a b A\x00x\x00:100644 120000 a b T\x00y\x00\x00diff --git\ndiff --git\nBinary files a and b differ\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = parseDiff(bufio.NewReader(bytes.NewReader(data)))
	})
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 blob 0123 12\ta\nb\x00160000 commit 0123 -\tsub\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := parseTree(data)
		for _, file := range files {
			if err == nil && bytes.IndexByte([]byte(file.Path), 0) >= 0 {
				t.Errorf("path %q", file.Path)
			}
		}
	})
}

func FuzzParseMerges(f *testing.F) {
	f.Add([]byte("0123456789012345678901234567890123456789\ndiff --cc x\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,2 @@@\n- a\n -b\n++c\n++d\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = parseMerges(bufio.NewReader(bytes.NewReader(data)), func(h Hunk) error {
			if h.Path == "" || len(h.Text) > len(data) {
				t.Errorf("hunk %+v", h)
			}
			return nil
		})
	})
}

func FuzzParseRawLog(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add([]byte(id + "\x00:100644 100644 1 2 M\x00x\x00"))
	f.Add([]byte(id + "\x00::100644 100644 100644 1 2 3 MM\x00x\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = parseRawLog(bufio.NewReader(bytes.NewReader(data)), []Commit{{ID: id}})
		_, _ = parseAuthors(data)
		_, _ = parseMessage(data)
	})
}

func TestParseMessage(t *testing.T) {
	long := "subject\n" + strings.Repeat("x\n", messageLimit) + "Debug: a\n"
	for _, tt := range []struct {
		text, message string
		merge         bool
	}{
		{"tree 1\nparent 2\nauthor a\n\nfix: x\n\nbody\n", "fix: x\n\nbody\n", false},
		{"tree 1\nparent 2\nparent 3\nauthor a\n\nMerge\n", "Merge\n", true},
		{"tree 1\nauthor a\n\nparent 1\nparent 2\n", "parent 1\nparent 2\n", false},
		{"tree 1\nauthor a\n", "", false},
	} {
		if message, merge := parseMessage([]byte(tt.text)); message != tt.message || merge != tt.merge {
			t.Errorf("%q: got %q, %v", tt.text, message, merge)
		}
	}
	message, _ := parseMessage([]byte("tree 1\n\n" + long))
	if len(message) > messageLimit+1 || !strings.HasPrefix(message, "subject\n") || !strings.HasSuffix(message, "\nDebug: a\n") {
		t.Errorf("%d bytes: %.20q", len(message), message)
	}
}
