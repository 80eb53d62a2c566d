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

// Metrics counts the history of rollbacks. A rollback takes from its decision (its
// plan) to the first verification that ends in success; it went well when there is
// one and it was not taken back. since bounds the count of lost data.
func Metrics(history []Event, since time.Time) []Measure {
	type one struct {
		decided, stable   time.Time
		automatic, undone bool
		verified          bool
	}
	var order []string
	all := make(map[string]*one)
	lost := 0
	for _, e := range history {
		o := all[e.ID]
		switch {
		case e.What == "applied" && o == nil:
			all[e.ID] = &one{decided: e.Decided, automatic: e.Automatic}
			order = append(order, e.ID)
		case e.What == "verified" && o != nil:
			o.verified = true
			if e.Status == "success" && o.stable.IsZero() {
				o.stable = e.At
			}
		case e.What == "undone" && o != nil:
			o.undone = true
		case e.What == "lost" && !e.At.Before(since):
			lost++
		}
	}
	var spent float64
	stable, judged, well, automatic := 0, 0, 0, 0
	for _, id := range order {
		o := all[id]
		if !o.stable.IsZero() {
			stable++
			spent += o.stable.Sub(o.decided).Seconds()
		}
		if o.verified || o.undone { // of the others nobody knows
			judged++
			if !o.stable.IsZero() && !o.undone {
				well++
			}
		}
		if o.automatic {
			automatic++
		}
	}
	return []Measure{
		ratio("mttr_seconds", spent, stable, 300, func(v float64) bool { return v <= 300 }),
		ratio("success_rate", float64(well), judged, 0.99, func(v float64) bool { return v >= 0.99 }),
		ratio("automated_rate", float64(automatic), len(order), 0.80, func(v float64) bool { return v >= 0.80 }),
		{Name: "data_loss_incidents", Value: ptr(float64(lost)), Target: 0, Met: ptr(lost == 0), Of: len(order)},
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
