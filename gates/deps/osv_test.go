package deps

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/purl"
	osvpb "github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/encoding/protojson"
)

// Which versions a record affects is what osv-scalibr's matcher says, and what
// the schema says where that one is silent.
func TestAffects(t *testing.T) {
	npm := `{"id":"X-1","affected":[{"package":{"name":"p","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[{"fixed":"1.5.0"},{"introduced":"1.0.0"},{"introduced":"2.0.0-rc.1"},{"last_affected":"2.3.0"}]}],"versions":["0.0.7"]}]}`
	pypi := `{"id":"X-2","affected":[{"package":{"name":"P_p.x","ecosystem":"PyPI"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.10"}]}]}]}`
	for _, c := range []struct {
		record, name, version string
		ecosystem             Ecosystem
		want                  bool
	}{
		{npm, "p", "0.9.9", NPM, false}, {npm, "p", "1.0.0", NPM, true}, {npm, "p", "1.4.9", NPM, true}, {npm, "p", "1.5.0", NPM, false},
		{npm, "p", "1.5.0-beta", NPM, true}, {npm, "p", "2.0.0", NPM, true}, {npm, "p", "2.3.0", NPM, true}, {npm, "p", "2.3.1", NPM, false},
		{npm, "p", "0.0.7", NPM, true}, {npm, "q", "1.0.0", NPM, false}, {npm, "p", "1.0.0", PyPI, false},
		{pypi, "p-p-x", "1.9", PyPI, true}, {pypi, "p-p-x", "1.10", PyPI, false}, {pypi, "p-p-x", "1.10rc1", PyPI, true}, {pypi, "p-p-x", "1.10.0", PyPI, false},
	} {
		var r Record
		if err := json.Unmarshal([]byte(c.record), &r); err != nil {
			t.Fatal(err)
		}
		p := Package{Ecosystem: c.ecosystem, Name: c.name, Version: c.version}
		if got := r.affects(p); got != c.want {
			t.Errorf("%s affects %s %s: %v", r.ID, c.name, c.version, got)
		}
		var theirs osvpb.Vulnerability
		if err := protojson.Unmarshal([]byte(c.record), &theirs); err != nil {
			t.Fatal(err)
		}
		if c.ecosystem == PyPI {
			theirs.Affected[0].Package.Name = normalisePyPI(theirs.Affected[0].Package.Name)
		}
		kind := map[Ecosystem]string{NPM: purl.TypeNPM, PyPI: purl.TypePyPi}[c.ecosystem]
		got := osvlocal.VulnerabilitiesAffectingPackage([]*osvpb.Vulnerability{&theirs}, &extractor.Package{Name: c.name, Version: c.version, PURLType: kind})
		if (len(got) > 0) != c.want {
			t.Errorf("osv-scalibr: %s affects %s %s: %v", r.ID, c.name, c.version, len(got) > 0)
		}
	}
}

func TestAffectsWithoutRanges(t *testing.T) {
	p := Package{Ecosystem: NPM, Name: "p", Version: "1.0.0"}
	for text, want := range map[string]bool{
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"}}]}`:                                                                                                     true,
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"},"versions":["2.0.0"]}]}`:                                                                                false,
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"},"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}]}`:                                             false,
		`{"withdrawn":"2026-01-01T00:00:00Z","affected":[{"package":{"name":"p","ecosystem":"npm"}}]}`:                                                                  false,
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"limit":"1.0.0"}]}]}]}`:                        false,
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[]}]}]}`:                                                            false,
		`{"affected":[{"package":{"name":"p","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}],"database_specific":{"severity":["odd"]}}`: true,
	} {
		var r Record
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if got := r.affects(p); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	odd := Package{Ecosystem: PyPI, Name: "p", Version: "not!a!version"}
	var r Record
	if err := json.Unmarshal([]byte(`{"affected":[{"package":{"name":"p","ecosystem":"PyPI"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1.0"},{"fixed":"2.0"}]}]}]}`), &r); err != nil {
		t.Fatal(err)
	}
	_ = r.affects(odd) // whatever it says, it does not panic
}

func TestSeverity(t *testing.T) {
	for text, want := range map[string]Level{
		`{"id":"A","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}`:                                        Critical,
		`{"id":"A","severity":[{"type":"CVSS_V3","score":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]}`:                                        High,
		`{"id":"A","severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]}`:                     Critical,
		`{"id":"A","severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}`:                                                          High,
		`{"id":"A","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/nonsense"}],"database_specific":{"severity":"MODERATE"}}`:                       Medium,
		`{"id":"A","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"LOW"}}`: Critical,
		`{"id":"A","affected":[{"package":{"name":"p","ecosystem":"crates.io"},"database_specific":{"informational":"unsound"}}]}`:                 Informational,
		`{"id":"A","affected":[{"package":{"name":"q","ecosystem":"crates.io"},"database_specific":{"informational":"unsound"}}]}`:                 Unknown,
		`{"id":"MAL-2026-1"}`: Critical,
		`{"id":"A"}`:          Unknown,
	} {
		var r Record
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if got := r.rate(Crates, "p").level; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// aliases answers for a server.
type aliases map[string]*Record

func (a aliases) match(context.Context, []id) (map[id][]*Record, error)            { return nil, nil }
func (a aliases) record(_ context.Context, _ Ecosystem, n string) (*Record, error) { return a[n], nil }

// One fault is one finding, whoever names it how; the worst rating counts.
func TestAliasesAreOneFault(t *testing.T) {
	p := Package{Ecosystem: PyPI, Name: "p", Version: "1.0"}
	records := []*Record{
		{ID: "PYSEC-1", Aliases: []string{"CVE-1"}},
		{ID: "GHSA-1", Aliases: []string{"CVE-1", "PYSEC-1"}, Summary: "s"},
		{ID: "CVE-2"},
		{ID: "GHSA-gone", Withdrawn: "x"},
		{ID: "GO-3", Aliases: []string{"CVE-3"}},
		{ID: "GHSA-3", Aliases: []string{"CVE-3"}},
	}
	list := faults(p, records)
	var names []string
	for _, f := range list {
		names = append(names, f.name)
	}
	if len(list) != 3 || names[0] != "CVE-2" || names[1] != "GHSA-1" || names[2] != "GHSA-3" || list[1].summary != "s" {
		t.Errorf("%v", names)
	}
	f := faults(p, []*Record{{ID: "PYSEC-9", Aliases: []string{"CVE-9", "GHSA-9"}}})[0]
	high := &Record{ID: "CVE-9"}
	high.Specific.Severity = "HIGH"
	if err := f.resolve(context.Background(), aliases{"CVE-9": high, "GHSA-9": nil}, p); err != nil || f.rated.level != High || f.name != "GHSA-9" {
		t.Errorf("%v %+v", err, f)
	}
}
