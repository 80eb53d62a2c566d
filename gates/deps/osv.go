package deps

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/semantic"
)

// Record is an advisory in the OSV format (ossf.github.io/osv-schema), as far as
// the gate reads it.
type Record struct {
	ID        string   `json:"id"`
	Modified  string   `json:"modified,omitempty"`
	Withdrawn string   `json:"withdrawn,omitempty"`
	Aliases   []string `json:"aliases,omitempty"`
	Upstream  []string `json:"upstream,omitempty"`
	Summary   string   `json:"summary,omitempty"`

	Severity []Score    `json:"severity,omitempty"`
	Affected []Affected `json:"affected,omitempty"`
	Specific struct {
		Severity loose `json:"severity,omitempty"`
	} `json:"database_specific,omitzero"`
}

// loose is a text in a part of a record that no schema fixes: what is no text
// there is none.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*l = loose(s)
	}
	return nil
}

// Score is a vector of CVSS.
type Score struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// Affected is a package, and the versions of it that an advisory is about.
type Affected struct {
	Package struct {
		Name      string `json:"name"`
		Ecosystem string `json:"ecosystem"`
	} `json:"package"`
	Severity []Score  `json:"severity,omitempty"`
	Ranges   []Range  `json:"ranges,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Specific struct {
		Informational loose           `json:"informational,omitempty"` // RustSec
		Severity      loose           `json:"severity,omitempty"`
		Imports       json.RawMessage `json:"imports,omitempty"` // Go's database
	} `json:"ecosystem_specific,omitzero"`
	Database struct {
		Informational loose `json:"informational,omitempty"` // RustSec, in osv.dev's copy
		CVSS          loose `json:"cvss,omitempty"`
	} `json:"database_specific,omitzero"`
}

// Range is a list of events that turn the fault on and off.
type Range struct {
	Type   string  `json:"type"`
	Events []Event `json:"events"`
}

// Event has one of its fields.
type Event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"`
}

// of are the parts of a record that are about a package.
func (r *Record) of(e Ecosystem, name string) []Affected {
	var out []Affected
	for _, a := range r.Affected {
		ecosystem, _, _ := strings.Cut(a.Package.Ecosystem, ":")
		if ecosystem == string(e) && sameName(e, a.Package.Name, name) {
			out = append(out, a)
		}
	}
	return out
}

func sameName(e Ecosystem, a, b string) bool {
	if e == PyPI {
		return normalisePyPI(a) == normalisePyPI(b)
	}
	return a == b
}

// affects says whether a record is about this version of a package. One that is
// withdrawn is about nothing.
func (r *Record) affects(p Package) bool {
	return r.Withdrawn == "" && slices.ContainsFunc(r.of(p.Ecosystem, p.Name), func(a Affected) bool { return a.affects(p) })
}

func (a *Affected) affects(p Package) bool {
	if slices.ContainsFunc(a.Versions, func(v string) bool { return sameVersion(p, v) }) {
		return true
	}
	ranged := false
	for _, r := range a.Ranges {
		if r.Type != "GIT" {
			ranged = true
			if r.affects(p) {
				return true
			}
		}
	}
	// No word on versions means all of them: what is known of malware is its name.
	return !ranged && len(a.Versions) == 0 && len(a.Ranges) == 0
}

func sameVersion(p Package, v string) bool {
	if v == p.Version {
		return true
	}
	order, ok := compare(p.Ecosystem, p.Version, v)
	return ok && order == 0 && p.Ecosystem == PyPI // 1.0 and 1.0.0 are one version
}

// affects walks the events in the order of their versions. A version that cannot
// be read is taken for affected: better asked about than let through.
func (r *Range) affects(p Package) bool {
	events := slices.Clone(r.Events)
	slices.SortStableFunc(events, func(a, b Event) int {
		if a.Introduced == "0" || b.Introduced == "0" {
			return cmp.Compare(b2i(a.Introduced != "0"), b2i(b.Introduced != "0"))
		}
		order, _ := compare(p.Ecosystem, a.version(), b.version())
		return order
	})
	affected := false
	for _, e := range events {
		order, ok := compare(p.Ecosystem, p.Version, e.version())
		switch {
		case e.Introduced == "0":
			affected = true
		case !ok:
			return true
		case e.Introduced != "":
			affected = affected || order >= 0
		case e.Fixed != "" || e.Limit != "":
			affected = affected && order < 0
		case e.LastAffected != "":
			affected = affected && order <= 0
		}
	}
	return affected
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e Event) version() string { return cmp.Or(e.Introduced, e.Fixed, e.LastAffected, e.Limit) }

// compare orders two versions as their ecosystem does; false: one of them is none.
func compare(e Ecosystem, a, b string) (int, bool) {
	v, err := semantic.Parse(a, string(e))
	if err != nil {
		return 0, false
	}
	order, err := v.CompareStr(b)
	return order, err == nil
}

// fixed is the least version above p's that the record calls fixed; empty: none
// is known.
func (r *Record) fixed(p Package) string {
	best := ""
	for _, a := range r.of(p.Ecosystem, p.Name) {
		for _, rng := range a.Ranges {
			if rng.Type == "GIT" {
				continue
			}
			for _, e := range rng.Events {
				if e.Fixed == "" {
					continue
				}
				if above, ok := compare(p.Ecosystem, e.Fixed, p.Version); !ok || above <= 0 {
					continue
				}
				if order, _ := compare(p.Ecosystem, e.Fixed, best); best == "" || order < 0 {
					best = e.Fixed
				}
			}
		}
	}
	return best
}
