package bisect

import "math"

// belief is how likely each commit is to be the first bad one.
type belief struct {
	graph *Graph
	soft  bool          // the check may be wrong
	seen  map[int]tally // by commit; -1: the good end
	under map[int][]bool
	p     []float64 // sums to 1
}

func newBelief(g *Graph, soft bool) *belief {
	b := &belief{graph: g, soft: soft, seen: map[int]tally{}, under: map[int][]bool{}, p: make([]float64, len(g.Commits))}
	for i := range b.p {
		b.p[i] = 1 / float64(len(b.p))
	}
	return b
}

// see adds runs of a commit, and weighs all hypotheses again.
func (b *belief) see(i int, t tally) {
	old := b.seen[i]
	b.seen[i] = tally{old.pass + t.pass, old.fail + t.fail}
	if b.under[i] == nil && i >= 0 {
		b.under[i] = b.graph.ancestors(i)
	}
	logs := make([]float64, len(b.p))
	top := math.Inf(-1)
	for h := range logs {
		logs[h] = b.evidence(h)
		top = max(top, logs[h])
	}
	sum := 0.0
	for h, l := range logs {
		b.p[h] = math.Exp(l - top)
		sum += b.p[h]
	}
	for h := range b.p {
		b.p[h] /= sum
	}
}

// evidence is the logarithm of how well a hypothesis explains all that was seen.
func (b *belief) evidence(h int) float64 {
	var good, bad tally
	for i, t := range b.seen {
		side := &good
		if i >= 0 && b.under[i][h] {
			side = &bad
		}
		side.pass += t.pass
		side.fail += t.fail
	}
	if b.soft {
		return good.evidence() + bad.evidence()
	}
	if good.fail > 0 || bad.pass > 0 {
		return math.Inf(-1)
	}
	return 0
}

// evidence is the logarithm of the probability of runs whose rate of failure is
// not known: the rate's prior is Jeffreys', Beta(1/2, 1/2).
func (t tally) evidence() float64 {
	return logBeta(float64(t.fail)+0.5, float64(t.pass)+0.5) - logBeta(0.5, 0.5)
}

func logBeta(a, b float64) float64 { return logGamma(a) + logGamma(b) - logGamma(a+b) }

func logGamma(x float64) float64 {
	l, _ := math.Lgamma(x)
	return l
}

func logOf(x float64) float64 { return math.Log(x) }

// best is the likeliest commit.
func (b *belief) best() (int, float64) {
	best := 0
	for i, p := range b.p {
		if p > b.p[best] {
			best = i
		}
	}
	return best, b.p[best]
}

// left is how many commits may still be the one.
func (b *belief) left() int {
	n := 0
	for _, p := range b.p {
		if p > 1e-6 {
			n++
		}
	}
	return n
}

// likely are the commits that hold all but tail of the probability, in order.
func (b *belief) likely(tail float64) []int {
	floor := 0.0
	if b.soft {
		floor = tail / float64(len(b.p))
	}
	var out []int
	for i, p := range b.p {
		if p > floor {
			out = append(out, i)
		}
	}
	return out
}

// next is the commit to check: the one that most nearly halves the probability.
// It is -1 where no commit that can be checked tells anything.
func (b *belief) next(skipped map[int]bool) int {
	c := choice{belief: b, skipped: skipped, at: -1}
	c.chains(len(b.p) - 1)
	if c.at < 0 {
		c.all()
	}
	return c.at
}

// choice looks for the commit whose ancestors hold half of the probability.
type choice struct {
	*belief
	skipped map[int]bool
	at      int
	off     float64
}

func (c *choice) offer(i int, mass float64) {
	if c.skipped[i] || mass < 1e-6 || mass > 1-1e-6 {
		return
	}
	if off := math.Abs(mass - 0.5); c.at < 0 || off < c.off {
		c.at, c.off = i, off
	}
}

// chains follows the first parents from a tip, and where the half is passed at a
// merge, its other parents in turn. Each chain takes one pass over the graph.
func (c *choice) chains(tip int) {
	tips := []int{tip}
	for turn := 0; turn < len(tips) && turn < 64; turn++ {
		crossing := c.chain(tips[turn])
		if crossing < 0 || c.at >= 0 && c.off < 0.1 {
			continue
		}
		if parents := c.graph.Commits[crossing].Parents; len(parents) > 1 {
			tips = append(tips, parents[1:]...)
		}
	}
}

// chain weighs the commits of one chain, oldest first, and gives the first one
// whose ancestors hold half.
func (c *choice) chain(tip int) int {
	var chain []int
	for i := tip; i >= 0; i = c.graph.first(i) {
		chain = append(chain, i)
	}
	marked := make([]bool, len(c.p))
	mass, crossing := 0.0, -1
	for k := len(chain) - 1; k >= 0; k-- {
		for _, j := range c.graph.mark(chain[k], marked) {
			mass += c.p[j]
		}
		c.offer(chain[k], mass)
		if crossing < 0 && mass >= 0.5 {
			crossing = chain[k]
		}
	}
	return crossing
}

// all weighs every commit: for when the chains hold none that can be checked.
func (c *choice) all() {
	for i := range c.p {
		if c.skipped[i] {
			continue
		}
		mass := 0.0
		for _, j := range c.graph.mark(i, make([]bool, len(c.p))) {
			mass += c.p[j]
		}
		c.offer(i, mass)
	}
}
