package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// outside is the text of a document that is not ours, without a last line end.
func outside(data []byte) []byte {
	return bytes.TrimRight(ParseDocument(data).Text(), "\r\n")
}

func sample(n int) []Block {
	return []Block{
		{Name: "header", Lines: []string{fmt.Sprintf("Last Updated: %d", n)}},
		{Name: "completed", Heading: "Completed This Session", Lines: []string{"- [x] one", fmt.Sprintf("- [x] no %d", n)}},
		{Name: "blockers", Heading: "Blockers", Lines: nil},
		{Name: "metrics", Heading: "Session Metrics", Lines: []string{"- Commits: 2"}},
	}
}

func linesOf(blocks []Block) map[string][]string {
	m := make(map[string][]string)
	for _, b := range blocks {
		m[b.Name] = headed(b)
	}
	return m
}

func TestDocument(t *testing.T) {
	got := string(ParseDocument([]byte("# Mine\n\nHello.\n\n## Blockers\n- waiting on Ana\n\n## Ideas\n- x\n")).Update(sample(1), nil))
	want := "# Mine\n" +
		"<!-- wf-ci:header e95b60db -->\nLast Updated: 1\n<!-- /wf-ci:header -->\n" +
		"\nHello.\n\n## Blockers\n- waiting on Ana\n" +
		"<!-- wf-ci:blockers e3b0c442 -->\n<!-- /wf-ci:blockers -->\n" +
		"\n## Ideas\n- x\n" +
		"<!-- wf-ci:completed 36049deb -->\n### Completed This Session\n\n- [x] one\n- [x] no 1\n\n<!-- /wf-ci:completed -->\n" +
		"<!-- wf-ci:metrics fc6ab254 -->\n### Session Metrics\n\n- Commits: 2\n\n<!-- /wf-ci:metrics -->\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a person writes between our lines comes to stand behind them.
func TestDocumentKeepsWhatIsWrittenInside(t *testing.T) {
	first := ParseDocument([]byte("# P\n")).Update(sample(1), nil)
	edited := bytes.Replace(first, []byte("- [x] no 1\n"), []byte("- [x] no 1\n- by hand\n"), 1)
	got := string(ParseDocument(edited).Update(sample(2), linesOf(sample(1))))
	if !strings.Contains(got, "- [x] no 2\n\n<!-- /wf-ci:completed -->\n- by hand\n") || strings.Contains(got, "no 1") {
		t.Errorf("got\n%s", got)
	}
	again := string(ParseDocument([]byte(got)).Update(sample(2), linesOf(sample(2))))
	if again != got {
		t.Errorf("a second time\n%s\nis not\n%s", again, got)
	}
	// What we wrote is not known: nothing is lost all the same.
	if got := string(ParseDocument(edited).Update(sample(2), nil)); !strings.Contains(got, "- by hand\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestDocumentWithOtherLineEnds(t *testing.T) {
	first := ParseDocument([]byte("# P\r\ntext\r\n")).Update(sample(1), nil)
	if bytes.Contains(bytes.ReplaceAll(first, []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("mixed ends: %q", first)
	}
	// A checkout that changes the ends of all lines has edited nothing.
	other := bytes.ReplaceAll(first, []byte("\r\n"), []byte("\n"))
	if got := outside(ParseDocument(other).Update(sample(2), nil)); string(got) != "# P\ntext" {
		t.Errorf("outside: %q", got)
	}
}

// pieces are what documents are made of, for the property.
var pieces = []string{
	"# Title\n", "## Blockers\n", "### Completed This Session\n", "#### session metrics ##\n", "text\n", "\n", "\r\n", "caf\xe9 \x00\n",
	"no end", "<!-- wf-ci:blockers 00000000 -->\n", "<!-- /wf-ci:blockers -->\n", "<!-- wf-ci:completed 0a0b0c0d -->\n",
	"<!-- /wf-ci:completed -->\n", "<!-- wf-ci:x -->\n", "```\n", "~~~\n", "- [ ] a\n", "| a | b |\n", "<!-- wf-ci:mine deadbeef -->\n", "<!-- /wf-ci:mine -->\n",
	"<!-- wf-ci:header e3b0c442 -->\r\n", "<!-- /wf-ci:header -->", "#", "###### \n", "#no\n",
}

// The property that the page promises: whatever the document, no byte outside
// our blocks changes (a missing last line end aside), blocks say what they
// should, and the same again changes nothing.
func TestNoTextOutsideOurBlocksEverChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var in []byte
		for range r.IntN(14) {
			in = append(in, pieces[r.IntN(len(pieces))]...)
		}
		checkDocument(t, in)
	}
}

func FuzzDocument(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p + "x\n" + p))
	}
	f.Add(ParseDocument(nil).Update(sample(1), nil))
	f.Fuzz(func(t *testing.T, in []byte) { checkDocument(t, in) })
}

func checkDocument(t *testing.T, in []byte) {
	t.Helper()
	d := ParseDocument(in)
	if !bytes.Equal(d.Bytes(), in) {
		t.Fatalf("%q was read as %q", in, d.Bytes())
	}
	out := d.Update(sample(1), nil)
	kept := outside(in)
	for _, p := range d.parts { // lines of people inside a block come out of it
		if p.edited && slices.ContainsFunc(sample(1), func(b Block) bool { return b.Name == p.name }) {
			for _, line := range p.body {
				if line != "" && !bytes.Contains(out, []byte(line)) {
					t.Fatalf("%q: the line %q is lost in %q", in, line, out)
				}
			}
			kept = nil
		}
	}
	if kept != nil && !bytes.Equal(withoutEnds(outside(out)), withoutEnds(kept)) {
		t.Fatalf("%q: text became %q in %q", in, outside(out), out)
	}
	got := ParseDocument(out)
	for _, b := range sample(1) {
		i := slices.IndexFunc(got.parts, func(p part) bool { return p.name == b.Name })
		if i < 0 || got.parts[i].edited || !strings.Contains(strings.Join(got.parts[i].body, "\n"), strings.Join(b.Lines, "\n")) {
			t.Fatalf("%q: block %s is not in %q", in, b.Name, out)
		}
	}
	if again := got.Update(sample(1), linesOf(sample(1))); !bytes.Equal(again, out) {
		t.Fatalf("%q: a second time made %q of %q", in, again, out)
	}
	next := got.Update(sample(2), linesOf(sample(1)))
	if !bytes.Equal(ParseDocument(next).Text(), got.Text()) {
		t.Fatalf("%q: text changed from %q to %q", in, got.Text(), ParseDocument(next).Text())
	}
}

// withoutEnds takes line ends away: the only thing that may be added.
func withoutEnds(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), nil)
}
