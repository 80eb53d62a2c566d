package config

import (
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// format is what a text has to look like. The pattern stands in the JSON
// Schema too, so it keeps to what RE2 and ECMA 262 share.
type format struct {
	want    string // for "want …"
	pattern *regexp.Regexp
	lines   bool                     // may have several
	refers  bool                     // names a gate that has to be there
	private bool                     // may hold a secret: never shown in full
	check   func(text string) *fault // what the pattern cannot say
	clean   func(text string) string // the one spelling of equal texts
	limit   int                      // in bytes; zero: maxText
}

// maxText is more than any name, path or reason needs.
const maxText = 1024

const gatePattern = `^[a-z0-9][a-z0-9-]*$`

// pathPattern is a path that stays below where it begins. Each segment is one
// dot, a name, or a name that begins with two dots.
const pathPattern = `^` + segment + `(/` + segment + `)*`

const wantFile = "a file inside the repository such as reports/out.sarif"

const segment = `(\.|\.?[^/\\.][^/\\]*|\.\.[^/\\]+)`

var formats = map[string]format{
	"": {},
	"branch": {
		want:    "the name of a branch",
		pattern: regexp.MustCompile(`^[^-/.\s~^:?*\[\\][^\s~^:?*\[\\]*$`),
		check:   checkBranch,
	},
	"command": {
		want:    "a command line",
		pattern: regexp.MustCompile(`\S`),
		lines:   true,
		private: true,
		clean:   func(s string) string { return strings.TrimRight(s, "\n") },
		limit:   16 << 10,
	},
	"deps-engine": {
		want:    "own, npm-audit, pip-audit, cargo-audit or osv-scanner",
		pattern: regexp.MustCompile(`^(own|npm-audit|pip-audit|cargo-audit|osv-scanner)$`),
	},
	"fingerprint": {
		want:    "a fingerprint without spaces",
		pattern: regexp.MustCompile(`^\S+$`),
	},
	"gate": {
		want:    "the id of a gate",
		pattern: regexp.MustCompile(gatePattern),
		refers:  true,
		limit:   64,
	},
	"file": {
		want:    wantFile,
		pattern: regexp.MustCompile(pathPattern + `$`),
		check:   checkFile,
		clean:   path.Clean,
	},
	"folder": {
		want:    "a folder inside the repository such as sub/folder",
		pattern: regexp.MustCompile(pathPattern + `/?$`),
		clean:   cleanFolder,
	},
	"pattern": {
		want:    "a path pattern such as src/core/** or *.proto",
		pattern: regexp.MustCompile(`^[^\\!#\s][^\\]*$`),
		check:   checkPattern,
	},
	"person": {
		want:    "a person such as @ana or ana@example.com",
		pattern: regexp.MustCompile(`^(@[A-Za-z0-9][A-Za-z0-9-]*|[^\s@<>]+@[^\s@<>]+)$`),
	},
	"variable": {
		want:    "the name of an environment variable",
		pattern: regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`),
		private: true, // NAME=value is a likely mistake
		limit:   128,
	},
	"words": {
		want:    "text that is not blank",
		pattern: regexp.MustCompile(`\S`),
		clean:   strings.TrimSpace,
	},
	"zone": {
		want:    "a time zone such as UTC or Europe/Berlin",
		pattern: regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`),
		check:   checkZone,
	},
}

func formatNamed(name string) format {
	f, ok := formats[name]
	if !ok {
		panic("config: no format " + name)
	}
	return f
}

// apply checks a text and returns its one spelling.
func (f format) apply(text string) (string, *fault) {
	limit := f.limit
	if limit == 0 {
		limit = maxText
	}
	if len(text) > limit {
		return "", faultf("", "text of %d bytes: the limit is %d", len(text), limit)
	}
	if r, ok := strange(text, f.lines); ok {
		return "", faultf("", "character %+q, which cannot be seen: want %s", r, f.want)
	}
	if f.pattern != nil && !f.pattern.MatchString(text) {
		if f.private {
			return "", faultf("", "want %s", f.want)
		}
		return "", faultf("", "want %s, found %s", f.want, quote(text))
	}
	if f.check != nil {
		if wrong := f.check(text); wrong != nil {
			return "", wrong
		}
	}
	if f.clean != nil {
		text = f.clean(text)
	}
	return text, nil
}

// strange finds a character that a reader of the file could not see: escapes
// in double quotes can write every one of them.
func strange(text string, lines bool) (rune, bool) {
	for _, r := range text {
		if lines && (r == '\n' || r == '\t') {
			continue
		}
		if unicode.IsControl(r) || invisible(r) {
			return r, true
		}
	}
	return 0, false
}

// checkFile refuses a path to the root itself.
func checkFile(name string) *fault {
	if path.Clean(name) == "." {
		return faultf("", "want %s, found %s", wantFile, quote(name))
	}
	return nil
}

// checkPattern refuses brackets that do not close, and paths that could not be
// in a tree.
func checkPattern(pattern string) *fault {
	depth := 0
	for _, r := range pattern {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 || depth > 1 {
			break
		}
	}
	if depth != 0 {
		return faultf("", "pattern %s: the braces do not close, or stand in one another", quote(pattern))
	}
	for part := range strings.SplitSeq(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return faultf("", "pattern %s: the brackets do not close", quote(pattern))
		}
		if part == ".." {
			return faultf("", "pattern %s: want a path below the root", quote(pattern))
		}
	}
	return nil
}

// cleanFolder writes the root as nothing.
func cleanFolder(name string) string {
	if name = path.Clean(name); name == "." {
		return ""
	}
	return name
}

// checkBranch is what git check-ref-format refuses beyond the pattern.
func checkBranch(name string) *fault {
	for _, part := range []string{"..", "//", "/.", "@{"} {
		if strings.Contains(name, part) {
			return faultf("", "no branch can be named %s: it contains %q", quote(name), part)
		}
	}
	for _, end := range []string{"/", ".", ".lock"} {
		if strings.HasSuffix(name, end) {
			return faultf("", "no branch can be named %s: it ends in %q", quote(name), end)
		}
	}
	return nil
}

// checkZone looks a time zone up in the system's database. A machine without
// one (a small container) accepts every name of the right form.
func checkZone(name string) *fault {
	if _, err := time.LoadLocation(name); err == nil && name != "Local" {
		return nil
	}
	if _, err := time.LoadLocation("Europe/London"); err != nil && name != "Local" {
		return nil
	}
	return faultf("", "unknown time zone %s: want an IANA name such as UTC or Europe/Berlin", quote(name))
}
