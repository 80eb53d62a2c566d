package prices

import (
	"sync"
	"time"
)

// memo remembers which rows a name leads to, and the prices that were asked for:
// a ledger's models are few, and its calls are many.
type memo struct {
	hits sync.Map // name → []hit
	rows sync.Map // band → Row
}

// hit is a model that a name may mean.
type hit struct {
	provider *provider
	model    *model
}

// band is what a price hangs on, the name and the time aside.
type band struct {
	model *model
	price int // which of its prices
	tiers int // how many of their limits the input is above
}

// hits are the models that a name may mean, the best first: of the providers
// who say that the name is theirs, then of the others; of each provider the
// first that fits.
func (t *Table) hits(name string) []hit {
	if found, ok := t.found.hits.Load(name); ok {
		return found.([]hit)
	}
	var all []hit
	for _, known := range []bool{true, false} {
		for _, c := range candidates(name) {
			for i := range t.providers {
				p := &t.providers[i]
				theirs := c.provider == p.ID || c.provider == "" && p.Match != nil && p.Match.fits(c.model)
				if theirs != known || c.provider != "" && c.provider != p.ID {
					continue
				}
				if m := p.model(c.model); m != nil {
					all = append(all, hit{p, m})
				}
			}
		}
	}
	if len(name) < 256 {
		t.found.hits.Store(name, all)
	}
	return all
}

// model is the first model that a name fits.
func (p *provider) model(name string) *model {
	for i := range p.Models {
		if p.Models[i].Match.fits(name) {
			return &p.Models[i]
		}
	}
	return nil
}

// in is the price of a model at a time.
func (t *Table) in(h hit, at time.Time, input int64) (Row, bool) {
	for i := len(h.model.Prices) - 1; i >= 0; i-- { // the last that holds counts
		d := &h.model.Prices[i]
		if !d.holds(at) {
			continue
		}
		key := band{h.model, i, d.tiers(input)}
		if row, ok := t.found.rows.Load(key); ok {
			return row.(Row), true
		}
		row := Row{Provider: h.provider.ID, Model: h.model.ID, Since: d.Since, Source: t.source, Rates: d.at(input)}
		row.ref = row.Ref()
		t.found.rows.Store(key, row)
		return row, true
	}
	return Row{}, false
}

// tiers is how many limits of tiers an input is above.
func (d *dated) tiers(input int64) int {
	n := 0
	for _, tiers := range d.Rates {
		for _, tier := range tiers {
			if tier[0] != 0 && input > tier[0] {
				n++
			}
		}
	}
	return n
}
