package deps

import (
	"context"
	"slices"
	"strings"
)

// id names a package and its version, wherever it is.
type id struct {
	ecosystem     Ecosystem
	name, version string
}

func (p Package) id() id { return id{p.Ecosystem, p.Name, p.Version} }

// source knows advisories: osv.dev, or the database on this machine.
type source interface {
	// match gives the records that affect each package, in no order. A record
	// stands under each package that it affects.
	match(ctx context.Context, list []id) (map[id][]*Record, error)
	// record is an advisory by its id; nil where there is none.
	record(ctx context.Context, e Ecosystem, name string) (*Record, error)
}

// fault is one vulnerability of one package: all records that are aliases of each
// other.
type fault struct {
	name    string // the best-known id
	aliases []string
	records []*Record
	rated   rated
	fixed   string
	summary string
}

// faults makes one of the records that are about the same fault, sorted by name.
func faults(p Package, records []*Record) []fault {
	var groups [][]*Record
	slices.SortFunc(records, func(a, b *Record) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range records {
		if r.Withdrawn != "" {
			continue
		}
		merged := []*Record{r}
		rest := groups[:0:0]
		for _, g := range groups {
			if slices.ContainsFunc(g, func(o *Record) bool { return o.same(r) }) {
				merged = append(g, merged...)
			} else {
				rest = append(rest, g)
			}
		}
		groups = append(rest, merged)
	}
	var out []fault
	for _, g := range groups {
		out = append(out, newFault(p, g))
	}
	slices.SortFunc(out, func(a, b fault) int { return strings.Compare(a.name, b.name) })
	return out
}

// ids are all names of a record.
func (r *Record) ids() []string {
	return append([]string{r.ID}, r.Aliases...)
}

// same says whether two records are about one fault: one names the other, or both
// name a third. Malware is no alias of a mere fault.
func (r *Record) same(o *Record) bool {
	return slices.ContainsFunc(r.ids(), func(a string) bool { return slices.Contains(o.ids(), a) })
}

func newFault(p Package, g []*Record) fault {
	f := fault{records: g}
	var names []string
	for _, r := range g {
		names = append(names, r.ids()...)
		if x := r.rate(p.Ecosystem, p.Name); x.level > f.rated.level || x.level == f.rated.level && x.score > f.rated.score {
			f.rated = x
		}
		if f.summary == "" {
			f.summary = r.Summary
		}
		if v := r.fixed(p); f.fixed == "" {
			f.fixed = v
		} else if order, ok := compare(p.Ecosystem, v, f.fixed); v != "" && ok && order > 0 {
			f.fixed = v // where the records disagree, the later one is right for all
		}
	}
	slices.SortFunc(names, compareIDs)
	names = slices.Compact(names)
	f.name, f.aliases = names[0], names[1:]
	return f
}

// idRanks order the ids of a fault: malware is called by the name that says so,
// the others by the advisory that most tools and people know. GitHub's come
// before CVE's, because each has a page that says what to upgrade to.
var idRanks = []string{"MAL-", "GHSA-", "CVE-", "GO-", "RUSTSEC-", "PYSEC-"}

func compareIDs(a, b string) int {
	if d := idRank(a) - idRank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

func idRank(id string) int {
	for i, prefix := range idRanks {
		if strings.HasPrefix(id, prefix) {
			return i
		}
	}
	return len(idRanks)
}

// moreRatings is how many aliases are asked for a severity that is missing.
const moreRatings = 8

// resolve asks the aliases of a fault that nobody rated yet how bad it is.
func (f *fault) resolve(ctx context.Context, s source, p Package) error {
	if f.rated.level != Unknown {
		return nil
	}
	asked := 0
	for _, alias := range append([]string{f.name}, f.aliases...) {
		known := slices.ContainsFunc(f.records, func(r *Record) bool { return r.ID == alias })
		if known || !strings.HasPrefix(alias, "GHSA-") && !strings.HasPrefix(alias, "CVE-") || asked == moreRatings {
			continue
		}
		asked++
		r, err := s.record(ctx, p.Ecosystem, alias)
		if err != nil {
			return err
		}
		if r == nil || r.Withdrawn != "" {
			continue
		}
		if x := r.rate(p.Ecosystem, p.Name); x.level > f.rated.level {
			f.rated = x
		}
	}
	return nil
}
