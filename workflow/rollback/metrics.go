package rollback

import "time"

// Measure is a number with its target.
type Measure struct {
	Name   string   `json:"name"`
	Value  *float64 `json:"value"` // null: nothing to count
	Target float64  `json:"target"`
	Met    *bool    `json:"met"`
	Of     int      `json:"of"` // how many it is counted over
}

// outcome is what became of one rollback.
type outcome struct {
	decided, stable   time.Time // stable: zero, it never was
	automatic, undone bool
	verified          bool
}

// outcomes are what became of each rollback that was applied, and how many
// losses of data there were since a time.
func outcomes(history []Event, since time.Time) (list []*outcome, lost int) {
	all := make(map[string]*outcome)
	for _, e := range history {
		o := all[e.ID]
		switch {
		case e.What == "applied" && o == nil:
			o = &outcome{decided: e.Decided, automatic: e.Automatic}
			all[e.ID], list = o, append(list, o)
		case e.What == "lost" && !e.At.Before(since):
			lost++
		case o != nil:
			o.add(e)
		}
	}
	return list, lost
}

// add is for what comes after the rollback.
func (o *outcome) add(e Event) {
	switch e.What {
	case "verified":
		o.verified = true
		if e.Status == "success" && o.stable.IsZero() {
			o.stable = e.At
		}
	case "undone":
		o.undone = true
	}
}

// Metrics counts the history of rollbacks. A rollback takes from its decision (its
// plan) to the first verification that ends in success; it went well when there is
// one and it was not taken back. since bounds the count of lost data.
func Metrics(history []Event, since time.Time) []Measure {
	list, lost := outcomes(history, since)
	var spent float64
	stable, judged, well, automatic := 0, 0, 0, 0
	for _, o := range list {
		reached := !o.stable.IsZero()
		if reached {
			stable++
			spent += o.stable.Sub(o.decided).Seconds()
		}
		if o.verified || o.undone { // of the others nobody knows
			judged++
		}
		if reached && !o.undone {
			well++
		}
		if o.automatic {
			automatic++
		}
	}
	return []Measure{
		ratio("mttr_seconds", spent, stable, 300, func(v float64) bool { return v <= 300 }),
		ratio("success_rate", float64(well), judged, 0.99, func(v float64) bool { return v >= 0.99 }),
		ratio("automated_rate", float64(automatic), len(list), 0.80, func(v float64) bool { return v >= 0.80 }),
		{Name: "data_loss_incidents", Value: ptr(float64(lost)), Target: 0, Met: ptr(lost == 0), Of: len(list)},
	}
}

func ratio(name string, sum float64, n int, target float64, met func(float64) bool) Measure {
	m := Measure{Name: name, Target: target, Of: n}
	if n > 0 {
		m.Value, m.Met = ptr(sum/float64(n)), ptr(met(sum/float64(n)))
	}
	return m
}

func ptr[T any](v T) *T { return &v }
