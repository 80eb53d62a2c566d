// Package logs reads a log once, of any size, in bounded memory: which of seven
// kinds of trouble its lines speak of, when, and which lines are the same but
// for their numbers.
package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// Bounds of what is remembered. They do not hang on the log's size.
const (
	lineLimit    = 64 << 10 // bytes of a line that are looked at
	bucketLimit  = 512      // of the timeline
	clusterLimit = 1000     // lines that are told apart
	sampleLimit  = 4 << 10  // bytes kept of a cluster's line
)

// Options are how a log is read.
type Options struct {
	Now          time.Time // for stamps without a year. Required.
	Since, Until time.Time // lines outside are passed over; zero: no bound
	Top          int       // clusters in the report. Zero: 20.
	// Redact takes secrets out of a text that is going to be shown. Required.
	Redact func(string) string
}

// Report is what a log holds.
type Report struct {
	Categories map[string]int64 `json:"categories"` // lines of each; a line may be of several
	Lines      int64            `json:"lines"`
	Bytes      int64            `json:"bytes"`
	Matched    int64            `json:"matched"` // lines of any category
	Errors     int64            `json:"errors"`  // lines that say they are an error, of a category or not
	Passed     int64            `json:"passed"`  // lines outside of since and until
	Stamped    int64            `json:"stamped"` // lines with a time of their own
	Cut        int64            `json:"cut"`     // lines longer than 64 KiB: the rest was not looked at
	First      *time.Time       `json:"first"`   // the earliest time
	Last       *time.Time       `json:"last"`
	Clusters   []Cluster        `json:"clusters"` // the largest first
	Bursts     []Burst          `json:"bursts"`   // when much more of it came than usual
	Timeline   Timeline         `json:"timeline"`
}

// reader is a log on its way.
type reader struct {
	Options
	report   Report
	counts   [len(Categories)]int64
	machine  *machine
	stamps   stamper
	timeline timeline
	clusters clusters
	at       time.Time // of the last line that had one: the lines after it belong to it
}

// Read reads a log to its end. The context ends it early.
func Read(ctx context.Context, log io.Reader, o Options) (*Report, error) {
	r := &reader{Options: o, machine: newMachine(), stamps: stamper{now: o.Now}, timeline: newTimeline(), clusters: newClusters()}
	b := bufio.NewReaderSize(log, lineLimit)
	for {
		line, err := b.ReadSlice('\n')
		r.report.Bytes += int64(len(line))
		more := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 {
			r.line(line, more)
		}
		for more {
			var rest []byte
			rest, err = b.ReadSlice('\n')
			r.report.Bytes += int64(len(rest))
			more = errors.Is(err, bufio.ErrBufferFull)
			if more && ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		if errors.Is(err, io.EOF) {
			return r.finish(), nil
		}
		if err != nil {
			return nil, err
		}
		if r.report.Lines&0xfff == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// line takes one line into account.
func (r *reader) line(line []byte, cut bool) {
	r.report.Lines++
	if cut {
		r.report.Cut++
	}
	if t, ok := r.stamps.find(line); ok {
		r.report.Stamped++
		r.at = t
		r.span(t)
	}
	if r.outside() {
		r.report.Passed++
		return
	}
	mean := r.machine.look(line)
	kinds := mean & kinds
	if mean&level != 0 {
		r.report.Errors++
	}
	if kinds != 0 {
		r.report.Matched++
		for i := range r.counts {
			if kinds&(1<<i) != 0 {
				r.counts[i]++
			}
		}
		if !r.at.IsZero() {
			r.timeline.add(r.at, kinds)
		}
	}
	if mean&(kindsOrLevel) != 0 {
		r.clusters.add(line, kinds, r.at)
	}
}

const kindsOrLevel = kinds | level

// outside says whether a line is outside of the time that was asked for. What
// has no time at all is inside only where no bound was given.
func (r *reader) outside() bool {
	if r.Since.IsZero() && r.Until.IsZero() {
		return false
	}
	return r.at.IsZero() || !r.Since.IsZero() && r.at.Before(r.Since) || !r.Until.IsZero() && r.at.After(r.Until)
}

func (r *reader) span(t time.Time) {
	if r.report.First == nil || t.Before(*r.report.First) {
		r.report.First = &t
	}
	if r.report.Last == nil || t.After(*r.report.Last) {
		r.report.Last = &t
	}
}

func (r *reader) finish() *Report {
	r.report.Categories = make(map[string]int64, len(Categories))
	for i, c := range Categories {
		r.report.Categories[c] = r.counts[i]
	}
	top := r.Top
	if top == 0 {
		top = 20
	}
	r.report.Clusters = r.clusters.list(top, r.Redact)
	r.report.Timeline = r.timeline.list()
	r.report.Bursts = r.report.Timeline.bursts()
	return &r.report
}

// names are the categories of a line.
func names(mean uint16) []string {
	out := []string{}
	for i, c := range Categories {
		if mean&(1<<i) != 0 {
			out = append(out, c)
		}
	}
	return out
}

// Troubled are the last lines of a text that are of a category, or say that they
// are an error; at most limit of them.
func Troubled(text string, limit int) []string {
	m := newMachine()
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if m.look([]byte(line))&kindsOrLevel != 0 {
			out = append(out, strings.TrimRight(line, "\r"))
		}
	}
	return out[max(0, len(out)-limit):]
}
