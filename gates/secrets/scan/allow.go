package scan

import (
	"slices"
	"strings"
	"sync"
)

// allowlist is an [Allowlist] ready for use. Its methods do what those of
// gitleaks' do.
type allowlist struct {
	Allowlist
	commits map[string]bool
	paths   *expression
	regexes *expression
	words   *wordSet
}

func newAllowlists(list []Allowlist) []*allowlist {
	var out []*allowlist
	for _, a := range list {
		c := &allowlist{Allowlist: a, paths: newExpression(anyOf(a.Paths)), regexes: newExpression(anyOf(a.Regexes)), words: newWordSet(a.StopWords)}
		if len(a.Commits) > 0 {
			c.commits = make(map[string]bool)
			for _, id := range a.Commits {
				c.commits[strings.TrimSpace(strings.ToLower(id))] = true
			}
		}
		out = append(out, c)
	}
	return out
}

// anyOf joins expressions as gitleaks does: a flag at the start of one holds for
// those behind it.
func anyOf(patterns []string) string {
	if len(patterns) == 0 {
		return ""
	}
	return "(?:" + strings.Join(patterns, "|") + ")"
}

func (a *allowlist) allowsCommit(id string) bool { return id != "" && a.commits[strings.ToLower(id)] }

func (s *scratch) allowsPath(a *allowlist, path string) bool {
	return path != "" && !a.paths.none && s.search(a.paths).matches(path)
}

func (s *scratch) allowsText(a *allowlist, text string) bool {
	return text != "" && !a.regexes.none && s.search(a.regexes).matches(text)
}

// allowsPlace says whether a fragment's commit or path is enough for one of the
// lists.
func (s *scratch) allowsPlace(list []*allowlist, f *Fragment) bool {
	if f.Path == "" && f.Commit == "" {
		return false
	}
	for _, a := range list {
		if a.And && (len(a.Regexes) > 0 || len(a.StopWords) > 0) {
			continue // they are looked at later
		}
		commit, path := a.allowsCommit(f.Commit), s.allowsPath(a, f.Path)
		if !a.And && (commit || path) ||
			a.And && (len(a.Commits) == 0 || commit) && (len(a.Paths) == 0 || path) {
			return true
		}
	}
	return false
}

// allowsHit says whether a hit is on one of the lists.
func (s *scratch) allowsHit(list []*allowlist, h *Hit, f *Fragment, line string) bool {
	for _, a := range list {
		target := h.Secret
		switch a.Target {
		case "match":
			target = h.Match
		case "line":
			target = line
		}
		if !a.And {
			if s.allowsText(a, target) || a.words.in(h.Secret) {
				return true
			}
			continue
		}
		if (len(a.Commits) == 0 || a.allowsCommit(f.Commit)) && (len(a.Paths) == 0 || s.allowsPath(a, f.Path)) &&
			(len(a.Regexes) == 0 || s.allowsText(a, target)) && (len(a.StopWords) == 0 || a.words.in(h.Secret)) {
			return true
		}
	}
	return false
}

// wordSet finds any of many words in a text, whatever its case.
type wordSet struct {
	words []string // lower case, sorted
	// first are the words by their first two bytes; built when needed.
	build func() map[uint16][]string
	short []string // of less than two bytes
}

func newWordSet(words []string) *wordSet {
	w := &wordSet{}
	for _, word := range words {
		word = strings.ToLower(word)
		if len(word) < 2 {
			w.short = append(w.short, word)
		} else {
			w.words = append(w.words, word)
		}
	}
	w.build = sync.OnceValue(func() map[uint16][]string {
		first := make(map[uint16][]string)
		slices.Sort(w.words)
		for _, word := range slices.Compact(w.words) {
			key := uint16(word[0])<<8 | uint16(word[1])
			first[key] = append(first[key], word)
		}
		return first
	})
	return w
}

func (w *wordSet) in(text string) bool {
	if text == "" || len(w.words) == 0 && len(w.short) == 0 {
		return false
	}
	text = strings.ToLower(text)
	for _, word := range w.short {
		if word != "" && strings.Contains(text, word) {
			return true
		}
	}
	if len(w.words) == 0 {
		return false
	}
	first := w.build()
	for i := 0; i+1 < len(text); i++ {
		for _, word := range first[uint16(text[i])<<8|uint16(text[i+1])] {
			if strings.HasPrefix(text[i:], word) {
				return true
			}
		}
	}
	return false
}
