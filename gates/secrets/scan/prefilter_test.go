package scan

import (
	"slices"
	"strings"
	"testing"
)

// checkRuns: where the prefilter says no, no run of the lines has a hit.
func checkRuns(t testing.TB, d *Detector, text string, may bool, pick func(n int) int) {
	t.Helper()
	all := slices.Collect(strings.Lines(text))
	for range min(30, len(all)*len(all)) {
		if may || len(all) == 0 {
			return
		}
		from := pick(len(all))
		to := from + 1 + pick(len(all)-from)
		run := strings.Join(all[from:to], "")
		hits, err := d.Scan(ctx, Fragment{Path: "x.tf", Line: 1, Text: run})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			if h.StartLine > 0 {
				t.Fatalf("%+v\nin lines %d to %d of\n%q", h, from, to, text)
			}
		}
	}
}

func TestPrefilterMissesNothing(t *testing.T) {
	d, all := defaultPair().ours, ^uint64(0)
	no := 0
	for seed := range uint64(300) {
		s := newSampler(defaultPair(), seed+5000)
		p := d.Prefilter()
		text := s.text(1 + s.IntN(6))
		var last *Version
		for range 6 {
			may, v := p.May(text, all, last, nil)
			last = &v
			if !may {
				no++
			}
			checkRuns(t, d, text, may, s.IntN)
			text = s.edited(text)
		}
		p.Close()
	}
	if no < 200 {
		t.Errorf("only %d times no", no)
	}
}

// edited is a next version: lines added, changed, moved or gone.
func (s sampler) edited(text string) string {
	all := slices.Collect(strings.Lines(text))
	for range 1 + s.IntN(2) {
		i := s.IntN(len(all) + 1)
		switch s.IntN(4) {
		case 0:
			all = slices.Insert(all, i, fillers[s.IntN(len(fillers))]+"\n")
		case 1:
			all = slices.Insert(all, i, s.text(1))
		case 2:
			if i < len(all) {
				all = slices.Delete(all, i, i+1)
			}
		default:
			if i < len(all) {
				all[i] = s.spoiled(all[i])
			}
		}
	}
	return strings.Join(all, "")
}

// patched is a next version made of parts of a text and of new lines, as git's
// deltas are, with its edits.
func (s sampler) patched(text string) (string, [][2]int) {
	var out strings.Builder
	edits := [][2]int{}
	insert := func(part string) {
		at := out.Len()
		out.WriteString(part)
		if n := len(edits); n > 0 && edits[n-1][1] == at {
			edits[n-1][1] = out.Len()
		} else {
			edits = append(edits, [2]int{at, out.Len()})
		}
	}
	next := 0
	for at := 0; at < len(text); {
		n := 1 + s.IntN(len(text)-at)
		if at != next {
			insert("")
		}
		out.WriteString(text[at : at+n])
		at += n
		next = at
		switch s.IntN(5) {
		case 0:
			insert(s.text(1))
		case 1:
			insert("x\n")
		case 2:
			at += s.IntN(len(text) - at + 1) // left out
		}
	}
	if next != len(text) {
		insert("")
	}
	return out.String(), edits
}

func TestPrefilterLooksAtEditsOnly(t *testing.T) {
	d, all := defaultPair().ours, ^uint64(0)
	no := 0
	for seed := range uint64(400) {
		s := newSampler(defaultPair(), seed+7000)
		p := d.Prefilter()
		// Filler lines keep what is not edited long.
		text := ""
		for range 1 + s.IntN(4) {
			text += strings.Repeat(fillers[s.IntN(len(fillers))]+"\n", s.IntN(30)) + "see https://x.example/a%20b\n"
		}
		if s.IntN(2) == 0 {
			text += s.text(1)
		}
		_, last := p.May(text, all, nil, nil)
		for range 5 {
			next, edits := s.patched(text)
			may, v := p.May(next, all, &last, edits)
			if !may {
				no++
			}
			checkRuns(t, d, next, may, s.IntN)
			text, last = next, v
		}
		p.Close()
	}
	if no < 300 {
		t.Errorf("only %d times no", no)
	}
}

func FuzzPrefilter(f *testing.F) {
	d, all := defaultPair().ours, ^uint64(0)
	for seed := range uint64(30) {
		s := newSampler(defaultPair(), seed+9000)
		text := s.text(4)
		f.Add(text, s.edited(text), seed)
	}
	f.Fuzz(func(t *testing.T, one, two string, seed uint64) {
		if len(one)+len(two) > 20_000 {
			t.Skip()
		}
		s := newSampler(defaultPair(), seed)
		p := d.Prefilter()
		defer p.Close()
		var last *Version
		for _, text := range []string{one, two, one} {
			may, v := p.May(text, all, last, nil)
			last = &v
			checkRuns(t, d, text, may, s.IntN)
			next, edits := s.patched(text)
			may, v = p.May(next, all, last, edits)
			last = &v
			checkRuns(t, d, next, may, s.IntN)
		}
	})
}
