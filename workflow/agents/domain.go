package agents

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// Domain is the first domain that a path is in: by a folder, by its name
// without the extension, or by its file name. ok is false where it is in none.
func (c *Catalog) Domain(file string) (d Domain, ok bool) {
	file = strings.ReplaceAll(file, `\`, "/")
	parts := strings.Split(strings.ToLower(file), "/")
	last := parts[len(parts)-1]
	stem, _, _ := strings.Cut(strings.TrimLeft(last, "."), ".")
	for _, d := range c.Domains {
		for _, p := range d.Parts {
			if slices.Contains(parts, p) || stem == p {
				return d, true
			}
		}
		for _, pattern := range d.Files {
			if named(strings.ToLower(pattern), last) {
				return d, true
			}
		}
	}
	return Domain{}, false
}

// named compares a file's name with a name, an ending or a pattern.
func named(pattern, name string) bool {
	if strings.Contains(pattern, "*") {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	}
	if strings.HasPrefix(pattern, ".") || strings.HasPrefix(pattern, "_") {
		return strings.HasSuffix(name, pattern)
	}
	return name == pattern
}

func wellFormed(pattern string) bool {
	_, err := path.Match(pattern, "x")
	return err == nil && pattern != ""
}

// paths are the words of a task that name files: with a slash and a letter
// beside it, or with the ending of a domain.
func (c *Catalog) paths(task string) []string {
	var found []string
	for _, w := range strings.FieldsFunc(task, unicode.IsSpace) {
		w = strings.Trim(w, "`'\"()[]{}<>,;:!?")
		w = strings.TrimSuffix(w, ".")
		if strings.Contains(w, "://") || len(w) < 4 || len(w) > 500 {
			continue
		}
		_, ok := c.Domain(w)
		ext := path.Ext(w)
		if ok && len(ext) > 1 && (strings.Contains(w, "/") || c.fileEnding(ext)) && !strings.EqualFold(w, "node.js") && !strings.EqualFold(w, "next.js") {
			found = append(found, w)
		}
	}
	return found
}

// fileEnding says whether a domain knows an ending.
func (c *Catalog) fileEnding(ext string) bool {
	return slices.ContainsFunc(c.Domains, func(d Domain) bool { return slices.Contains(d.Files, strings.ToLower(ext)) })
}
