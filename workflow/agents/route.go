package agents

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The points of the reference: 100 in all.
const (
	perKeyword     = 10 // each keyword that the task holds …
	maxKeywords    = 40 // … to this many points
	forSpecialist  = 30 // the task's type is one that the agent is a specialist in
	forCapable     = 15 // or one that it can do
	forPerformance = 20 // times the share of its tasks that went well
	forContext     = 10 // a file of the task is in a domain of the agent
)

// What it takes to be sure. Both were set on the half of the golden set that is
// there for it.
const (
	minEvidence = 20 // points without performance; one keyword that no other agent has will do
	minMargin   = 1  // what the best must be ahead of an agent of another role
)

// MaxTask is how long a task may be, in bytes.
const MaxTask = 16 << 10

// Record is how an agent has done: of so many uses so many went well.
type Record struct{ Good, Uses int }

// Rate is the share that went well; half for one that was never used, and near
// it for one that was used little: (good+1) / (uses+2).
func (r Record) Rate() float64 { return float64(r.Good+1) / float64(r.Uses+2) }

// Request is a task to find an agent for.
type Request struct {
	Task    string
	Paths   []string // files that it is about, besides those that it names. Optional
	Records map[string]Record
}

// Score is one agent's fitness for a task, with what it is made of.
type Score struct {
	Agent       string   `json:"agent"`
	Points      float64  `json:"score"`
	Installed   bool     `json:"installed"`
	Keywords    []string `json:"keywords"`
	Type        string   `json:"type,omitempty"`       // that counted
	Specialist  bool     `json:"specialist,omitempty"` // it counted 30, not 15
	Performance Record   `json:"-"`
	Context     string   `json:"context,omitempty"` // the domain that counted

	evidence float64 // points without performance
	rarity   float64 // how much the keywords are the agent's own
	unique   bool    // one of them is no other agent's
	order    int
	role     string
}

// Choice is the answer to a request.
type Choice struct {
	Agent      string // empty: no confident match
	Score      float64
	Why        []string
	Types      []string
	Candidates []Score // best first
}

// Router finds agents. Make it with [NewRouter].
type Router struct {
	catalog   *Catalog
	installed Installed
	agents    []entry
	types     []phrases
	words     []phrases
}

// entry is an agent with its keywords ready to be looked for.
type entry struct {
	Agent
	keywords  []keyword
	installed bool
}

type keyword struct {
	text   string
	phrase []string
	rarity float64 // 1 / how many roles have it
	unique bool
}

type phrases struct {
	name string
	list [][]string
}

// NewRouter makes a router of a catalog and what is installed. Agents that are
// gone upstream take part where they are installed all the same; those that are
// installed and in no catalog, with the words of their descriptions.
func NewRouter(c *Catalog, installed Installed) *Router {
	r := &Router{catalog: c, installed: installed}
	roles := make(map[string]map[string]bool) // keyword → roles
	for _, a := range slices.Concat(c.Agents, installed.extra(c)) {
		e := entry{Agent: a, installed: installed.Has(a)}
		if a.Gone != "" && !e.installed {
			continue
		}
		for _, k := range a.Keywords {
			phrase := Words(k)
			joined := strings.Join(phrase, " ")
			if slices.ContainsFunc(e.keywords, func(o keyword) bool { return slices.Equal(o.phrase, phrase) }) {
				continue
			}
			e.keywords = append(e.keywords, keyword{text: k, phrase: phrase})
			if roles[joined] == nil {
				roles[joined] = make(map[string]bool)
			}
			roles[joined][a.Role()] = true
		}
		r.agents = append(r.agents, e)
	}
	for _, e := range r.agents {
		for i := range e.keywords {
			n := len(roles[strings.Join(e.keywords[i].phrase, " ")])
			e.keywords[i].rarity = float64(len(e.keywords[i].phrase)) / float64(n)
			e.keywords[i].unique = n == 1
		}
	}
	for _, t := range c.Types {
		r.types = append(r.types, prepare(t.Type, t.Words))
	}
	for _, w := range c.Words {
		r.words = append(r.words, prepare(w.Agent, []string{w.Word}))
	}
	return r
}

func prepare(name string, words []string) phrases {
	p := phrases{name: name}
	for _, w := range words {
		p.list = append(p.list, Words(w))
	}
	return p
}

// hits is how many of the phrases stand in a text.
func (p phrases) hits(t text) int {
	n := 0
	for _, phrase := range p.list {
		if t.has(phrase) {
			n++
		}
	}
	return n
}

// All are the agents of the catalog and what is installed besides.
func (r *Router) All() []Agent {
	return slices.Concat(r.catalog.Agents, r.installed.extra(r.catalog))
}

// Find finds an agent by its id or by the name it is called by; its error names
// the nearest one.
func (r *Router) Find(name string) (Agent, error) {
	return (&Catalog{Agents: r.All()}).Find(name)
}

// Types are the types that a task may be of: those with the most words in it.
// None where it has none.
func (r *Router) Types(task string) []string { return r.typesOf(index(task)) }

func (r *Router) typesOf(t text) []string {
	var best []string
	most := 1
	for _, p := range r.types {
		switch n := p.hits(t); {
		case n > most:
			best, most = []string{p.name}, n
		case n == most:
			best = append(best, p.name)
		}
	}
	return best
}

// CheckTask says what is wrong with a task's text.
func CheckTask(task string) error {
	switch {
	case len(task) > MaxTask:
		return fmt.Errorf("the task has %d bytes; describe it in at most %d", len(task), MaxTask)
	case len(Words(task)) == 0:
		return fmt.Errorf("the task is empty: say in words what is to be done")
	}
	return nil
}

// Route finds the agent for a task.
func (r *Router) Route(q Request) Choice {
	t := index(q.Task)
	choice := Choice{Types: r.typesOf(t)}
	domains := r.domains(q)
	for i, e := range r.agents {
		s := e.score(t, choice.Types, domains, q.Records[e.ID])
		s.order = i
		if s.evidence > 0 {
			choice.Candidates = append(choice.Candidates, s)
		}
	}
	slices.SortFunc(choice.Candidates, better)
	choice.Candidates = preferInstalled(choice.Candidates)
	r.decide(&choice, t, domains)
	return choice
}

// domains are those that the files of a request are in, in the order of the
// files.
func (r *Router) domains(q Request) []Domain {
	var list []Domain
	for _, p := range slices.Concat(q.Paths, r.catalog.paths(q.Task)) {
		if d, ok := r.catalog.Domain(p); ok {
			list = append(list, d)
		}
	}
	return list
}

func (e entry) score(t text, types []string, domains []Domain, record Record) Score {
	s := Score{Agent: e.ID, Installed: e.installed, Performance: record, role: e.Role(), Keywords: []string{}}
	for _, k := range e.keywords {
		if t.has(k.phrase) {
			s.Keywords = append(s.Keywords, k.text)
			s.rarity += k.rarity
			s.unique = s.unique || k.unique
		}
	}
	s.evidence = float64(min(perKeyword*len(s.Keywords), maxKeywords))
	for _, kind := range types {
		if slices.Contains(e.Types, kind) {
			s.Type, s.Specialist = kind, true
			break
		}
		if s.Type == "" && slices.Contains(e.Also, kind) {
			s.Type = kind
		}
	}
	switch {
	case s.Specialist:
		s.evidence += forSpecialist
	case s.Type != "":
		s.evidence += forCapable
	}
	for _, d := range domains {
		if slices.Contains(e.Domains, d.Domain) {
			s.Context = d.Domain
			s.evidence += forContext
			break
		}
	}
	s.Points = math.Round(10*(s.evidence+forPerformance*record.Rate())) / 10
	return s
}

// better orders by points; of equal ones the one whose keywords are more its
// own, then the one that is installed, then the order of the catalog.
func better(a, b Score) int {
	return cmp.Or(
		cmp.Compare(b.Points, a.Points),
		cmp.Compare(b.rarity, a.rarity),
		-compareBool(a.Installed, b.Installed),
		cmp.Compare(a.order, b.order),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// preferInstalled puts an installed agent of the same role before the best one,
// if that is not installed and no more than a keyword ahead.
func preferInstalled(list []Score) []Score {
	if len(list) == 0 || list[0].Installed {
		return list
	}
	for i, s := range list {
		if s.Installed && s.role == list[0].role && s.Points >= list[0].Points-perKeyword {
			return slices.Concat(list[i:i+1], list[:i], list[i+1:])
		}
	}
	return list
}

// decide takes the best candidate, or none.
func (r *Router) decide(c *Choice, t text, domains []Domain) {
	if len(c.Candidates) > 0 {
		best := c.Candidates[0]
		c.Score = best.Points
		doubt := doubts(c.Candidates)
		if doubt == "" {
			c.Agent, c.Why = best.Agent, r.why(best)
			return
		}
		c.Why = append(c.Why, "no confident match: "+doubt)
	} else {
		c.Why = append(c.Why, "no confident match: no word of the task is known")
	}
	r.fallback(c, t, domains)
}

// doubts says why the best candidate is not to be trusted; empty: it is.
func doubts(list []Score) string {
	best := list[0]
	if best.evidence < minEvidence && !best.unique {
		return fmt.Sprintf("%s has %g points besides its record, and %d are needed", best.Agent, best.evidence, minEvidence)
	}
	for _, s := range list[1:] {
		if s.role == best.role {
			continue
		}
		if best.strength()-s.strength() < minMargin && best.rarity <= s.rarity {
			return fmt.Sprintf("%s and %s are level", best.Agent, s.Agent)
		}
		break
	}
	return ""
}

func (s Score) strength() float64 { return s.Points + s.rarity }

// fallback is for a task that no agent stands out for: the domain of its file
// decides, or else the one word of the reference's list that it holds.
func (r *Router) fallback(c *Choice, t text, domains []Domain) {
	if len(domains) > 0 {
		c.Why = append(c.Why, "its file is in the domain "+domains[0].Domain)
		r.take(c, domains[0].Agent)
		return
	}
	var hit []string
	for _, w := range r.words {
		if w.hits(t) > 0 && !slices.Contains(hit, w.name) {
			hit = append(hit, w.name)
		}
	}
	if len(hit) == 1 {
		c.Why = append(c.Why, "a word of it stands for this agent in the list of the queue")
		r.take(c, hit[0])
	}
}

// take chooses an agent that did not stand out by its points.
func (r *Router) take(c *Choice, id string) {
	i := slices.IndexFunc(c.Candidates, func(s Score) bool { return s.Agent == id })
	s := Score{Agent: id, Points: forPerformance * Record{}.Rate(), Keywords: []string{}}
	if e := slices.IndexFunc(r.agents, func(e entry) bool { return e.ID == id }); e >= 0 {
		s.Installed = r.agents[e].installed
	}
	if i >= 0 {
		s = c.Candidates[i]
		c.Candidates = slices.Delete(c.Candidates, i, i+1)
	}
	c.Candidates = slices.Insert(c.Candidates, 0, s)
	c.Agent, c.Score = id, s.Points
	c.Why = append(c.Why, r.installed.says(s))
}

// why tells how a score came about.
func (r *Router) why(s Score) []string {
	var why []string
	if n := len(s.Keywords); n > 0 {
		why = append(why, fmt.Sprintf("keywords %s: %d", strings.Join(s.Keywords, ", "), min(perKeyword*n, maxKeywords)))
	}
	switch {
	case s.Specialist:
		why = append(why, fmt.Sprintf("task type %s, a specialty: %d", s.Type, forSpecialist))
	case s.Type != "":
		why = append(why, fmt.Sprintf("task type %s, a capability: %d", s.Type, forCapable))
	}
	if s.Context != "" {
		why = append(why, fmt.Sprintf("a file in the domain %s: %d", s.Context, forContext))
	}
	points := math.Round(10*forPerformance*s.Performance.Rate()) / 10
	if s.Performance.Uses == 0 {
		why = append(why, fmt.Sprintf("never recorded, neutral: %g", points))
	} else {
		why = append(why, fmt.Sprintf("%d of %d recorded tasks went well: %g", s.Performance.Good, s.Performance.Uses, points))
	}
	return append(why, r.installed.says(s))
}
