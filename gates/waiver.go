package gates

import "fmt"

// waiverBook finds the waiver of a finding and remembers which were used.
type waiverBook struct {
	waivers []Waiver
	today   Date
	byKey   map[waiverKey]int // the waiver that lasts longest
	used    []bool
	ran     map[string]bool // gates that came to an outcome
}

type waiverKey struct{ gate, fingerprint string }

func newWaiverBook(list []Waiver, today Date) *waiverBook {
	b := &waiverBook{
		waivers: list, today: today,
		byKey: make(map[waiverKey]int, len(list)),
		used:  make([]bool, len(list)),
		ran:   make(map[string]bool),
	}
	for i, w := range list {
		key := waiverKey{w.Gate, w.Fingerprint}
		if j, ok := b.byKey[key]; !ok || list[j].Expires < w.Expires {
			b.byKey[key] = i
		}
	}
	return b
}

func (b *waiverBook) looked(gate string) { b.ran[gate] = true }

func (b *waiverBook) use(gate, fingerprint string) *WaiverUse {
	i, ok := b.byKey[waiverKey{gate, fingerprint}]
	if !ok {
		return nil
	}
	w := b.waivers[i]
	if w.Expires < b.today {
		return nil
	}
	b.used[i] = true
	return &WaiverUse{Reason: w.Reason, Owner: w.Owner, Expires: w.Expires}
}

// report names what is expired, and what matched nothing in a gate that looked.
func (b *waiverBook) report(v *Verdict) {
	for i, w := range b.waivers {
		switch {
		case w.Expires < b.today:
			v.Waivers.Expired = append(v.Waivers.Expired, w)
			v.Warnings = append(v.Warnings, fmt.Sprintf("waiver of %s %s (%s) expired on %s", w.Gate, w.Fingerprint, w.Owner, w.Expires))
		case !b.used[i] && b.ran[w.Gate]:
			v.Waivers.Unused = append(v.Waivers.Unused, w)
			v.Warnings = append(v.Warnings, fmt.Sprintf("waiver of %s %s (%s) matches no finding: remove it", w.Gate, w.Fingerprint, w.Owner))
		}
	}
}
