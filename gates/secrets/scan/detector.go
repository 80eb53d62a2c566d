package scan

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Fragment is a text that is looked at as a whole.
type Fragment struct {
	Path   string
	Commit string
	Line   int // of its first line
	Text   string
}

// Hit is a secret in a fragment, exactly as gitleaks reports it.
type Hit struct {
	Rule                                       string
	StartLine, EndLine, StartColumn, EndColumn int
	Line, Match, Secret                        string
	Entropy                                    float32
	Tags                                       []string // with "decoded:base64", … where it was encoded
}

// maxDepth is how often what was decoded is decoded again.
const maxDepth = 5

// Detector finds the secrets of fragments. It is safe for concurrent use.
type Detector struct {
	path   string
	allow  []*allowlist
	rules  []*rule
	finder *finder
	wanted [][]want // by literal
	cuts   []*cutter
	always []int // rules that no literal speaks for
	byID   map[string]int
	// lowersOdd: a keyword can be spelled with İ, see odd.go.
	lowersOdd bool
	placed    []int // rules for some paths only: as many as have a bit

	mu   sync.Mutex
	free []*scratch
}

// rule is a [Rule] ready for use.
type rule struct {
	Rule
	regex, path *expression
	allow       []*allowlist
	implied     bool // a literal of a cut holds a keyword
	generic     bool
	place       int // its bit, from 1; 0: none
}

// want is what a literal says: look whether a cut matches, or (cut negative)
// that a keyword of a rule is there.
type want struct{ rule, cut int }

// cutter is a [Cut] ready for use.
type cutter struct {
	Head
	tail *expression
}

// New makes a detector.
func New(r Rules) *Detector {
	d := &Detector{path: r.Path, allow: newAllowlists(r.Allowlists), byID: make(map[string]int)}
	b := builder{Detector: d, ids: make(map[Literal]int), tails: make(map[string]*expression)}
	for i := range r.Rules {
		b.add(&r.Rules[i])
	}
	d.finder = newFinder(b.literals, func(i int) *ByteSet { return &b.follows[i] })
	return d
}

// builder collects the literals of all rules.
type builder struct {
	*Detector
	literals []Literal
	follows  []ByteSet
	ids      map[Literal]int
	tails    map[string]*expression
}

func (b *builder) add(from *Rule) {
	id := len(b.rules)
	r := &rule{
		Rule: *from, regex: newExpression(from.Regex), path: newExpression(from.Path), allow: newAllowlists(from.Allowlists),
		generic: strings.Contains(strings.ToLower(from.ID), "generic"),
	}
	b.rules = append(b.rules, r)
	b.byID[r.ID] = id
	if r.Cuts == nil && r.Regex != "" {
		r.Cuts = CutRegex(r.Regex)
	}
	if r.Path != "" && r.Regex != "" && len(b.placed) < 64 {
		b.placed = append(b.placed, id)
		r.place = len(b.placed)
	}
	r.implied = r.impliesKeyword()
	b.lowersOdd = b.lowersOdd || r.lowersOdd()
	for _, c := range r.Cuts {
		tail := b.tails[c.Tail]
		if tail == nil {
			tail = newExpression(c.Tail)
			b.tails[c.Tail] = tail
		}
		b.cuts = append(b.cuts, &cutter{c.Head, tail})
		for _, l := range c.Literals {
			b.want(l, &c.Follows, want{id, len(b.cuts) - 1})
		}
	}
	if len(r.Cuts) == 0 {
		b.addWhole(id, r)
	}
}

// addWhole: the expression has to run over whole texts, those with a keyword.
func (b *builder) addWhole(id int, r *rule) {
	findable := len(r.Keywords) > 0
	for _, k := range r.Keywords {
		findable = findable && len(k) >= minLiteral && isASCII(k)
	}
	if !findable {
		b.always = append(b.always, id)
		return
	}
	var all ByteSet
	all.add(0, 255)
	for _, k := range r.Keywords {
		b.want(Literal{Text: k, Fold: true}, &all, want{id, -1})
	}
}

func (b *builder) want(l Literal, follows *ByteSet, w want) {
	id, ok := b.ids[l]
	if !ok {
		id = len(b.literals)
		b.ids[l] = id
		b.literals = append(b.literals, l)
		b.follows = append(b.follows, ByteSet{})
		b.wanted = append(b.wanted, nil)
	}
	for i := range follows {
		b.follows[id][i] |= follows[i]
	}
	b.wanted[id] = append(b.wanted[id], w)
}

// impliesKeyword says whether each literal holds one of the keywords, so that
// there is no need to look for them.
func (r *rule) impliesKeyword() bool {
	if len(r.Keywords) == 0 {
		return true
	}
	for _, c := range r.Cuts {
		for _, l := range c.Literals {
			text := strings.ToLower(l.Text)
			if !slices.ContainsFunc(r.Keywords, func(k string) bool { return strings.Contains(text, k) }) {
				return false
			}
		}
	}
	return len(r.Cuts) > 0
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Scan finds the secrets of a fragment.
func (d *Detector) Scan(ctx context.Context, f Fragment) ([]Hit, error) {
	s := d.take()
	defer d.put(s)
	if f.Path != "" && f.Path == d.path || s.allowsPlace(d.allow, &f) {
		return nil, nil
	}
	p := pass{Detector: d, scratch: s, fragment: &f, text: f.Text}
	for depth := 0; ; depth++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p.run()
		if depth == maxDepth {
			break
		}
		if p.text, p.segments = decodeText(p.text, p.segments); len(p.segments) == 0 {
			break
		}
	}
	return withoutWeaker(p.found, d), nil
}

// AllowsPath says whether an allowlist for all rules leaves a path out.
func (d *Detector) AllowsPath(path string) bool {
	s := d.take()
	defer d.put(s)
	return slices.ContainsFunc(d.allow, func(a *allowlist) bool { return s.allowsPath(a, path) })
}

// withoutWeaker leaves out hits of generic rules where another rule says more.
func withoutWeaker(hits []Hit, d *Detector) []Hit {
	generic := func(h *Hit) bool { return d.rules[d.byID[h.Rule]].generic }
	var out []Hit
	for i := range hits {
		h := &hits[i]
		weaker := generic(h) && slices.ContainsFunc(hits, func(o Hit) bool {
			return h.StartLine == o.StartLine && h.Rule != o.Rule && strings.Contains(o.Secret, h.Secret) && !generic(&o)
		})
		if !weaker {
			out = append(out, *h)
		}
	}
	return out
}

// scratch is what one look needs, kept for the next.
type scratch struct {
	back     backtracker
	tails    []*dfa // by cut
	searches map[*expression]*dfa

	rules   []ruleScratch
	touched []int
}

// ruleScratch is what one pass knows of a rule.
type ruleScratch struct {
	touched bool
	whole   bool   // its expression has to run over the whole text
	windows []span // where matches are
	steps   int    // read by its tails
}

func (d *Detector) take() *scratch {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.free); n > 0 {
		s := d.free[n-1]
		d.free = d.free[:n-1]
		return s
	}
	return &scratch{tails: make([]*dfa, len(d.cuts)), rules: make([]ruleScratch, len(d.rules)), searches: make(map[*expression]*dfa)}
}

func (d *Detector) put(s *scratch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = append(d.free, s)
}

// search is the automaton that says whether an expression matches somewhere.
func (s *scratch) search(e *expression) *dfa {
	m := s.searches[e]
	if m == nil {
		m = newDFA(e.program(), true)
		s.searches[e] = m
	}
	return m
}
