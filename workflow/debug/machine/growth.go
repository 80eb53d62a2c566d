package machine

import "time"

// Sample is the memory at one moment.
type Sample struct {
	After time.Duration
	Bytes int64
}

// Growth is what samples show.
type Growth struct {
	Samples   int     `json:"samples"`
	Baseline  int64   `json:"baseline_bytes"` // the first that was seen
	Peak      int64   `json:"peak_bytes"`
	End       int64   `json:"end_bytes"`
	PerMinute float64 `json:"growth_bytes_per_minute"` // slope of the best line through the second half
}

// Summary sums samples up. The first half is the start of the command, which
// always grows: the slope is that of the rest.
func Summary(samples []Sample) Growth {
	g := Growth{Samples: len(samples)}
	if len(samples) == 0 {
		return g
	}
	g.Baseline, g.End = samples[0].Bytes, samples[len(samples)-1].Bytes
	for _, s := range samples {
		g.Peak = max(g.Peak, s.Bytes)
	}
	g.PerMinute = slope(samples[len(samples)/2:])
	return g
}

// slope is that of the least squares' line, in bytes a minute.
func slope(samples []Sample) float64 {
	var x, y, xx, xy float64
	n := float64(len(samples))
	for _, s := range samples {
		t, b := s.After.Minutes(), float64(s.Bytes)
		x, y, xx, xy = x+t, y+b, xx+t*t, xy+t*b
	}
	d := n*xx - x*x
	if len(samples) < 3 || d <= 0 {
		return 0
	}
	return (n*xy - x*y) / d
}
