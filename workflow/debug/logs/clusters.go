package logs

import (
	"bytes"
	"cmp"
	"container/heap"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

// Cluster is lines that are the same but for what varies: times, numbers, ids,
// quoted texts.
type Cluster struct {
	Pattern    string     `json:"pattern"`
	Count      int64      `json:"count"`
	AtMostOver int64      `json:"at_most_over"` // how many of count may be other lines; zero: exact
	Categories []string   `json:"categories"`
	First      *time.Time `json:"first"` // zero: the lines have no time
	Last       *time.Time `json:"last"`
}

// group is a cluster that is counted.
type group struct {
	key         uint64
	count, over int64
	kinds       uint16
	first, last time.Time
	sample      []byte // the first line
	place       int    // in the heap
}

// clusters counts the most frequent shapes of lines in a fixed number of places:
// a new shape takes the place of the rarest, and its count ("space saving").
type clusters struct {
	seed  maphash.Seed
	byKey map[uint64]*group
	rare  groups // the rarest is on top
	shape []byte
}

func newClusters() clusters {
	return clusters{seed: maphash.MakeSeed(), byKey: map[uint64]*group{}}
}

func (c *clusters) add(line []byte, kinds uint16, at time.Time) {
	c.shape = shape(c.shape[:0], line)
	key := maphash.Bytes(c.seed, c.shape)
	g := c.byKey[key]
	if g == nil {
		g = c.place(key)
		g.kinds = kinds
		g.first, g.last = at, at
		g.sample = append(g.sample[:0], line[:min(len(line), sampleLimit)]...)
	}
	g.count++
	if !at.IsZero() {
		if g.first.IsZero() || at.Before(g.first) {
			g.first = at
		}
		if at.After(g.last) {
			g.last = at
		}
	}
	heap.Fix(&c.rare, g.place)
}

// place makes room for a shape.
func (c *clusters) place(key uint64) *group {
	if len(c.rare) < clusterLimit {
		g := &group{key: key}
		heap.Push(&c.rare, g)
		c.byKey[key] = g
		return g
	}
	g := c.rare[0]
	delete(c.byKey, g.key)
	g.key, g.over = key, g.count
	c.byKey[key] = g
	return g
}

// list is the most frequent ones. Secrets go before a line is cut to its shape:
// what is left of one is not known as one any more.
func (c *clusters) list(top int, redact func(string) string) []Cluster {
	out := []Cluster{}
	for _, g := range c.rare {
		out = append(out, Cluster{Pattern: string(g.sample), Count: g.count, AtMostOver: g.over, Categories: names(g.kinds), First: moment(g.first), Last: moment(g.last)})
	}
	slices.SortFunc(out, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(b.Count-b.AtMostOver, a.Count-a.AtMostOver), cmp.Compare(b.Count, a.Count), strings.Compare(a.Pattern, b.Pattern))
	})
	out = out[:min(top, len(out))]
	for i := range out {
		out[i].Pattern = strings.TrimSpace(strings.ToValidUTF8(string(shape(nil, []byte(redact(out[i].Pattern)))), "?"))
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// shapeLimit is how much of a line makes its shape.
const shapeLimit = 240

// shape is a line without what varies: a word with a digit in it is #, what is
// between quotes is "…" (but in a line that is an object), a run of spaces is one.
func shape(dst, line []byte) []byte {
	line = bytes.TrimRight(line, "\r\n")
	object := len(line) > 0 && line[0] == '{' // what is said is between quotes
	for i := 0; i < len(line) && len(dst) < shapeLimit; {
		switch b := line[i]; {
		case (b == '"' || b == '\'') && !object && quoted(line, i) > 0:
			dst = append(append(append(dst, b), "…"...), b)
			i = quoted(line, i)
		case alnum(b):
			start := i
			varies := false
			for i < len(line) && (alnum(line[i]) || varies && inNumber(line, i)) {
				varies = varies || digit(line[i])
				i++
			}
			if varies || i-start > 40 {
				dst = append(dst, '#')
				continue
			}
			dst = append(dst, line[start:i]...)
		case b == ' ' || b == '\t' || b == 0:
			if len(dst) > 0 && dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
			i++
		default:
			dst = append(dst, b)
			i++
		}
	}
	return dst
}

// quoted is where a text in quotes that begins at i ends, or 0. The apostrophe of
// a word is no quote.
func quoted(line []byte, i int) int {
	if line[i] == '\'' && i > 0 && alnum(line[i-1]) {
		return 0
	}
	end := bytes.IndexByte(line[i+1:min(len(line), i+200)], line[i])
	if end < 0 {
		return 0
	}
	return i + end + 2
}

// inNumber says whether line[i] joins two parts of a number, a time or an id.
func inNumber(line []byte, i int) bool {
	return bytes.IndexByte([]byte(".:-+_,/"), line[i]) >= 0 && i+1 < len(line) && (digit(line[i+1]) || line[i] == '-' && alnum(line[i+1]))
}

// groups is a heap by count.
type groups []*group

func (g groups) Len() int           { return len(g) }
func (g groups) Less(i, j int) bool { return g[i].count < g[j].count }
func (g groups) Swap(i, j int) {
	g[i], g[j] = g[j], g[i]
	g[i].place, g[j].place = i, j
}

// Push is of heap.Interface.
func (g *groups) Push(x any) {
	one := x.(*group)
	one.place = len(*g)
	*g = append(*g, one)
}

// Pop is of heap.Interface; nothing is ever taken out.
func (g *groups) Pop() any {
	last := (*g)[len(*g)-1]
	*g = (*g)[:len(*g)-1]
	return last
}
