package config

import (
	"cmp"
	"reflect"
	"slices"
)

// Weakening is a key in which one configuration demands less than another. The
// values are for people; what looks like a secret is starred out.
type Weakening struct {
	Key  string `json:"key"`
	Base string `json:"base"`
	Head string `json:"head"`
}

// Weakened returns every key in which head is less strict than base, sorted by
// key: thresholds, switches and scopes that were loosened, gates and waivers
// that were taken away or added. Values that have no order (a command line, a
// path) count as weakened when they change at all; time-outs, and everything
// that decides no verdict, never do.
func Weakened(base, head *Config) []Weakening {
	all := looser(base, head)
	all = append(all, lostGates(base, head)...)
	all = append(all, remapped(base, head)...)
	all = append(all, moreWaivers(base, head)...)
	slices.SortFunc(all, func(a, b Weakening) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

// looser compares the keys that both have.
func looser(base, head *Config) []Weakening {
	var all []Weakening
	after := head.leaves()
	for key, b := range base.leaves() {
		h, ok := after[key]
		if ok && b.weaker(b.value, h.value) {
			all = append(all, Weakening{key, cmp.Or(b.display(b.value), "none"), cmp.Or(h.display(h.value), "none")})
		}
	}
	return all
}

// weaker says whether head is less strict than base.
func (s *spec) weaker(base, head reflect.Value) bool {
	switch s.strict {
	case "high":
		return s.rank(head) < s.rank(base)
	case "low":
		return s.rank(head) > s.rank(base)
	case "same":
		return s.kind.show(base) != "" && s.kind.show(base) != s.kind.show(head)
	case "few":
		return !subset(head.Interface().([]string), base.Interface().([]string))
	case "many":
		return !subset(base.Interface().([]string), head.Interface().([]string))
	case "closed":
		return base.Len() > 0 && (head.Len() == 0 || !subset(head.Interface().([]string), base.Interface().([]string)))
	}
	return false
}

// rank puts values in their order: numbers, no before yes, words as listed.
func (s *spec) rank(v reflect.Value) float64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	case reflect.String:
		return float64(slices.Index(s.enum, v.String()))
	case reflect.Float64:
		return v.Float()
	}
	return float64(v.Int())
}

// subset compares two sorted lists.
func subset(part, whole []string) bool {
	for _, x := range part {
		if _, ok := slices.BinarySearch(whole, x); !ok {
			return false
		}
	}
	return true
}

// lostGates are the user's gates that head has no more, and the built-in ones
// that it no longer asks for.
func lostGates(base, head *Config) []Weakening {
	var all []Weakening
	for _, s := range root().child("gates").fields {
		key := "gates." + s.key
		asked := s.asked && base.Origin(key) != builtIn && base.Gates.Get(s.key).Enabled
		if asked && head.Origin(key) == builtIn {
			all = append(all, Weakening{key, "asked for", "removed"})
		}
	}
	for _, g := range base.Gates.Custom {
		if head.Gates.Get(g.ID) == nil {
			all = append(all, Weakening{"gates." + g.ID, oneLine(cmp.Or(g.Run, g.SARIF)), "removed"})
		}
	}
	return all
}

// remapped are rule ids that got or lost a severity of their own. A rule
// without one counts as its result's level says, which is known only at run
// time: it is taken for the worst in base and for the mildest in head.
func remapped(base, head *Config) []Weakening {
	var all []Weakening
	for _, b := range base.Gates.Custom {
		i := slices.IndexFunc(head.Gates.Custom, func(h CustomGate) bool { return h.ID == b.ID })
		if i < 0 {
			continue
		}
		h := head.Gates.Custom[i]
		key := "gates." + b.ID + ".severity."
		for rule, now := range h.Severity {
			if _, ok := b.Severity[rule]; !ok && milder(now, byLevel(b.Severity, false)) {
				all = append(all, Weakening{key + rule, "by level", string(now)})
			}
		}
		for rule, was := range b.Severity {
			if _, ok := h.Severity[rule]; !ok && milder(byLevel(h.Severity, true), was) {
				all = append(all, Weakening{key + rule, string(was), "by level"})
			}
		}
	}
	return all
}

// byLevel is the worst severity that a level is mapped to, or the mildest.
func byLevel(m map[string]Severity, mildest bool) Severity {
	out := m["error"]
	for _, level := range []string{"warning", "note"} {
		if milder(out, m[level]) != mildest {
			out = m[level]
		}
	}
	return out
}

var severities = []Severity{SeverityError, SeverityWarning, SeverityNote}

func milder(a, b Severity) bool {
	return slices.Index(severities, a) > slices.Index(severities, b)
}

// moreWaivers are waivers that head adds or lets last longer.
func moreWaivers(base, head *Config) []Weakening {
	type finding struct{ gate, fingerprint string }
	until := make(map[finding]Date)
	for _, w := range base.Waivers {
		until[finding{w.Gate, w.Fingerprint}] = w.Expires
	}
	var all []Weakening
	for _, w := range head.Waivers {
		was, ok := until[finding{w.Gate, w.Fingerprint}]
		key := "waivers." + w.Gate + "." + w.Fingerprint
		switch {
		case !ok:
			all = append(all, Weakening{key, "none", "until " + string(w.Expires)})
		case w.Expires > was:
			all = append(all, Weakening{key, "until " + string(was), "until " + string(w.Expires)})
		}
	}
	return all
}
