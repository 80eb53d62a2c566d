package deps

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// errNoReport says that what a tool printed is no report, whatever its status.
var errNoReport = errors.New("it printed no report")

// parseNPMAudit reads `npm audit --json`. A report has an auditReportVersion; an
// error (no lock file, a server that refuses) is JSON as well, with status 1 as
// when something is found.
func parseNPMAudit(l *Lock, out []byte) ([]told, error) {
	var report struct {
		Version         int    `json:"auditReportVersion"`
		Message         string `json:"message"`
		Vulnerabilities map[string]struct {
			Via   []json.RawMessage `json:"via"`
			Nodes []string          `json:"nodes"`
		} `json:"vulnerabilities"`
		Metadata *struct {
			Dependencies struct {
				Total int `json:"total"`
			} `json:"dependencies"`
		} `json:"metadata"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, errNoReport
	}
	switch {
	case report.Version != 2:
		var said struct{ Code, Summary string }
		_ = json.Unmarshal(report.Error, &said) // shown as far as it can be
		return nil, fmt.Errorf("%w: %s", errNoReport, oneLine(strings.TrimSpace(report.Message+" "+said.Code+" "+said.Summary), 200))
	case report.Metadata == nil || report.Metadata.Dependencies.Total == 0:
		return nil, errors.New("it looked at no package")
	}
	var list []told
	for _, name := range sortedKeys(report.Vulnerabilities) {
		v := report.Vulnerabilities[name]
		for _, raw := range v.Via {
			var a struct {
				Name, Title, URL, Severity string
				CVSS                       struct{ Score float64 }
			}
			if json.Unmarshal(raw, &a) != nil || a.URL == "" {
				continue // the name of the package that brings it
			}
			f := toldFault([]string{path.Base(a.URL)}, rated{word(loose(a.Severity)), a.CVSS.Score}, "", a.Title)
			if a.Severity == "info" {
				f.rated.level = Informational
			}
			entries := l.nodes(name, v.Nodes)
			if len(entries) == 0 {
				return nil, fmt.Errorf("it names %.80q, which is not in the lock file", name)
			}
			for _, p := range entries {
				list = append(list, told{p, f})
			}
		}
	}
	return list, nil
}

// nodes are the entries of the folders that npm names; a lock file of version 1
// has no folders, there it is all of that name.
func (l *Lock) nodes(name string, folders []string) []Package {
	var out []Package
	for _, p := range l.Packages {
		if p.folder != "" && slices.Contains(folders, p.folder) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = l.entriesOf(name, "")
	}
	return out
}

// parsePipAudit reads `pip-audit --format json`. It gives no severities, and names
// what it could not look at as it names what is clean, with a skip_reason.
func parsePipAudit(l *Lock, out []byte) ([]told, error) {
	var report struct {
		Dependencies *[]struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Skip    string `json:"skip_reason"`
			Vulns   []struct {
				ID      string   `json:"id"`
				Fixed   []string `json:"fix_versions"`
				Aliases []string `json:"aliases"`
			} `json:"vulns"`
		} `json:"dependencies"`
	}
	if err := json.Unmarshal(out, &report); err != nil || report.Dependencies == nil {
		return nil, errNoReport
	}
	var list []told
	looked := make(map[string]bool)
	for _, d := range *report.Dependencies {
		if d.Skip != "" {
			return nil, fmt.Errorf("it passed over %.80q: %s", d.Name, oneLine(d.Skip, 200))
		}
		looked[normalisePyPI(d.Name)] = true
		for _, v := range d.Vulns {
			fixed := ""
			if len(v.Fixed) > 0 {
				fixed = v.Fixed[0]
			}
			for _, p := range l.entriesOf(d.Name, d.Version) {
				list = append(list, told{p, toldFault(append([]string{v.ID}, v.Aliases...), rated{}, fixed, "")})
			}
		}
	}
	for _, p := range l.Packages {
		if !p.Elsewhere && !looked[p.Name] {
			return nil, fmt.Errorf("it says nothing of %.80q", p.Name)
		}
	}
	return list, nil
}

// parseCargoAudit reads `cargo audit --json`.
func parseCargoAudit(l *Lock, out []byte) ([]told, error) {
	type item struct {
		Advisory struct {
			ID            string   `json:"id"`
			Title         string   `json:"title"`
			CVSS          string   `json:"cvss"`
			Informational string   `json:"informational"`
			Aliases       []string `json:"aliases"`
		} `json:"advisory"`
		Versions struct {
			Patched []string `json:"patched"`
		} `json:"versions"`
		Package struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"package"`
	}
	var report struct {
		Database *struct {
			Count int `json:"advisory-count"`
		} `json:"database"`
		Lockfile *struct {
			Count int `json:"dependency-count"`
		} `json:"lockfile"`
		Vulnerabilities *struct {
			List []item `json:"list"`
		} `json:"vulnerabilities"`
		Warnings map[string][]item `json:"warnings"`
	}
	if err := json.Unmarshal(out, &report); err != nil || report.Database == nil || report.Lockfile == nil || report.Vulnerabilities == nil {
		return nil, errNoReport
	}
	if report.Database.Count == 0 || report.Lockfile.Count == 0 {
		return nil, errors.New("it knew no advisory, or looked at no package")
	}
	items := report.Vulnerabilities.List
	for _, kind := range sortedKeys(report.Warnings) {
		items = append(items, report.Warnings[kind]...)
	}
	var list []told
	for _, i := range items {
		if i.Advisory.ID == "" {
			continue // a yanked version, which is no advisory
		}
		how := vector(i.Advisory.CVSS)
		if how.level == Unknown && i.Advisory.Informational != "" {
			how.level = Informational
		}
		fixed := ""
		if len(i.Versions.Patched) > 0 {
			fixed = strings.TrimLeft(i.Versions.Patched[0], "><=^~ ")
		}
		entries := l.entriesOf(i.Package.Name, i.Package.Version)
		if len(entries) == 0 {
			return nil, fmt.Errorf("it names %.80q, which is not in the lock file", i.Package.Name)
		}
		for _, p := range entries {
			list = append(list, told{p, toldFault(append([]string{i.Advisory.ID}, i.Advisory.Aliases...), how, fixed, i.Advisory.Title)})
		}
	}
	return list, nil
}

// parseOSVScanner reads `osv-scanner --format json --all-packages`. Without that
// flag a clean result and an error print the same: no results.
func parseOSVScanner(l *Lock, out []byte) ([]told, error) {
	var report struct {
		Results []struct {
			Packages []struct {
				Package struct {
					Name    string `json:"name"`
					Version string `json:"version"`
				} `json:"package"`
				Groups []struct {
					IDs     []string `json:"ids"`
					Aliases []string `json:"aliases"`
					Max     string   `json:"max_severity"`
				} `json:"groups"`
				Vulnerabilities []Record `json:"vulnerabilities"`
			} `json:"packages"`
		} `json:"results"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, errNoReport
	}
	looked := 0
	var list []told
	for _, result := range report.Results {
		for _, p := range result.Packages {
			looked++
			for _, g := range p.Groups {
				for _, at := range l.entriesOf(p.Package.Name, p.Package.Version) {
					var records []*Record
					for i := range p.Vulnerabilities {
						if slices.Contains(g.IDs, p.Vulnerabilities[i].ID) {
							records = append(records, &p.Vulnerabilities[i])
						}
					}
					f := toldFault(append(slices.Clone(g.IDs), g.Aliases...), scored(g.Max), "", "")
					if len(records) > 0 {
						own := newFault(at, records)
						f.fixed, f.summary = own.fixed, own.summary
						if f.rated.level == Unknown {
							f.rated = own.rated
						}
					}
					list = append(list, told{at, f})
				}
			}
		}
	}
	if looked == 0 {
		return nil, errors.New("it looked at no package")
	}
	return list, nil
}

// scored is the level of a CVSS score in digits.
func scored(s string) rated {
	score, err := strconv.ParseFloat(s, 64)
	if err != nil || score <= 0 {
		return rated{}
	}
	return ofScore(score)
}
