package logs

import (
	"math"
	"slices"
	"time"
)

// timeline counts lines by time, in buckets that grow as the span does.
type timeline struct {
	width   int64 // seconds
	buckets map[int64]*bucket
}

type bucket struct {
	lines int64
	kinds [len(Categories)]int64
}

func newTimeline() timeline { return timeline{width: 1, buckets: map[int64]*bucket{}} }

func (t *timeline) add(at time.Time, kinds uint16) {
	i := floorDiv(at.Unix(), t.width)
	b := t.buckets[i]
	if b == nil {
		b = &bucket{}
		t.buckets[i] = b
	}
	b.lines++
	for k := range b.kinds {
		b.kinds[k] += int64(kinds >> k & 1)
	}
	for len(t.buckets) > bucketLimit {
		t.widen()
	}
}

// widen makes each bucket twice as wide.
func (t *timeline) widen() {
	wide := make(map[int64]*bucket, len(t.buckets)/2)
	for i, b := range t.buckets {
		j := floorDiv(i, 2)
		if w := wide[j]; w != nil {
			w.lines += b.lines
			for k := range w.kinds {
				w.kinds[k] += b.kinds[k]
			}
			continue
		}
		wide[j] = b
	}
	t.width, t.buckets = t.width*2, wide
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

// Timeline is how many lines of any category came when. Buckets without one are
// left out.
type Timeline struct {
	Seconds int64   `json:"seconds"` // width of a bucket
	Buckets []Count `json:"buckets"`
}

// Count is one bucket of a timeline.
type Count struct {
	At         time.Time        `json:"at"`
	Lines      int64            `json:"lines"`
	Categories map[string]int64 `json:"categories"`
}

func (t *timeline) list() Timeline {
	out := Timeline{Seconds: t.width, Buckets: []Count{}}
	for i, b := range t.buckets {
		c := Count{At: time.Unix(i*t.width, 0).UTC(), Lines: b.lines, Categories: map[string]int64{}}
		for k, n := range b.kinds {
			if n > 0 {
				c.Categories[Categories[k]] = n
			}
		}
		out.Buckets = append(out.Buckets, c)
	}
	slices.SortFunc(out.Buckets, func(a, b Count) int { return a.At.Compare(b.At) })
	return out
}

// Burst is a time in which far more lines came than in the rest.
type Burst struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Lines int64     `json:"lines"`
	Times float64   `json:"times"` // as many as usual
}

// bursts are the runs of buckets that are three standard deviations of a Poisson
// process above the mean, and twice the mean.
func (t Timeline) bursts() []Burst {
	out := []Burst{}
	if len(t.Buckets) < 2 {
		return out
	}
	var sum int64
	for _, b := range t.Buckets {
		sum += b.Lines
	}
	width := time.Duration(t.Seconds) * time.Second
	span := t.Buckets[len(t.Buckets)-1].At.Sub(t.Buckets[0].At)/width + 1
	mean := float64(sum) / float64(span)
	floor := max(2*mean, mean+3*math.Sqrt(mean), 3)
	for _, b := range t.Buckets {
		if float64(b.Lines) < floor {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To.Equal(b.At) {
			out[n-1].To = b.At.Add(width)
			out[n-1].Lines += b.Lines
			continue
		}
		out = append(out, Burst{From: b.At, To: b.At.Add(width), Lines: b.Lines})
	}
	for i := range out {
		usual := mean * float64(out[i].To.Sub(out[i].From)/width)
		out[i].Times = math.Round(10*float64(out[i].Lines)/usual) / 10
	}
	return out
}
