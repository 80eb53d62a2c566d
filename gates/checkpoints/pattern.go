package checkpoints

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// pattern is a path pattern as .gitignore and CODEOWNERS have them: * and ?
// within a name, ** over folders, [a-z], and {a,b}, which they have not. One
// without a slash matches at any depth; one that matches a folder matches all
// that is below.
type pattern [][]string // the alternatives, each with its names from the root

// compile makes a pattern ready. What cannot be read is an error, never a
// pattern that matches nothing.
func compile(text string) (pattern, error) {
	var p pattern
	for _, alternative := range expand(text) {
		rooted := strings.TrimPrefix(alternative, "/")
		names := strings.Split(rooted, "/")
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" || name == "." })
		bad := func(name string) bool {
			_, err := path.Match(name, "")
			return err != nil || name == ".." || strings.ContainsAny(name, "{}")
		}
		if len(names) == 0 || slices.ContainsFunc(names, bad) {
			return nil, fmt.Errorf("path pattern %q cannot be read", text)
		}
		if len(names) == 1 && rooted == alternative {
			names = slices.Insert(names, 0, "**")
		}
		if strings.HasSuffix(rooted, "/") {
			names = append(names, "*")
		}
		p = append(p, append(names, "**"))
	}
	return p, nil
}

// expand writes {a,b} out.
func expand(text string) []string {
	before, rest, ok := strings.Cut(text, "{")
	inner, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{text}
	}
	var all []string
	for word := range strings.SplitSeq(inner, ",") {
		for _, tail := range expand(after) {
			all = append(all, before+word+tail)
		}
	}
	return all
}

func (p pattern) match(name string) bool {
	names := strings.Split(name, "/")
	return slices.ContainsFunc(p, func(alternative []string) bool { return matchNames(alternative, names) })
}

// matchNames goes back to the last ** only, which is enough: what an earlier
// one took more, the last one can take as well.
func matchNames(pattern, names []string) bool {
	i, n := 0, 0
	star, taken := -1, 0
	for n < len(names) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			star, taken = i, n
			i++
		case i < len(pattern) && matchName(pattern[i], names[n]):
			i++
			n++
		case star >= 0:
			taken++
			i, n = star+1, taken
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

func matchName(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// patterns is a list of patterns, any of which may match.
type patterns []pattern

func compileAll(texts []string) (patterns, error) {
	var all patterns
	for _, text := range texts {
		p, err := compile(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (ps patterns) match(name string) bool {
	return slices.ContainsFunc(ps, func(p pattern) bool { return p.match(name) })
}
