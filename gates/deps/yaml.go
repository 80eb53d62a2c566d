package deps

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// parseYAML reads one YAML document into nodes: they know their lines, and
// anchors are never expanded.
func parseYAML(name string, data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line := 0
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		return nil, &lockError{name, line, fmt.Sprintf("cannot be read: %v; write it again with its package manager", err)}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &lockError{name, 1, "empty, or no map: write it again with its package manager"}
	}
	return doc.Content[0], nil
}

var yamlLine = lazyregexp.New(`line (\d+)`)

// pair is one entry of a YAML map.
type pair struct{ key, value *yaml.Node }

// pairs are a map's entries; none where it is no map.
func pairs(n *yaml.Node) []pair {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	list := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, pair{n.Content[i], n.Content[i+1]})
	}
	return list
}

// child is the value of a key; nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for _, p := range pairs(n) {
		if p.key.Value == key {
			return p.value
		}
	}
	return nil
}

// text is a scalar's text.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// readPNPM reads pnpm-lock.yaml, versions 5 to 9.
func readPNPM(_ *book, name string, data []byte) (*Lock, error) {
	doc, err := parseYAML(name, data)
	if err != nil {
		return nil, err
	}
	number, err := pnpmVersion(name, child(doc, "lockfileVersion"))
	if err != nil {
		return nil, err
	}
	l := &Lock{}
	at := make(map[string][]int) // name@version → packages
	packages := pairs(child(doc, "packages"))
	for _, e := range packages {
		p, err := pnpmPackage(name, e, number)
		if err != nil {
			return nil, err
		}
		id := pnpmID(e.key.Value)
		at[id] = append(at[id], len(l.Packages))
		l.Packages = append(l.Packages, p)
	}
	details := packages
	if number >= 9 {
		details = pairs(child(doc, "snapshots"))
	}
	for _, e := range details {
		requires := pnpmTargets(at, e.value, number, "dependencies", "optionalDependencies")
		for _, from := range at[pnpmID(e.key.Value)] {
			l.Packages[from].requires = append(l.Packages[from].requires, requires...)
		}
	}
	importers := pairs(child(doc, "importers"))
	if importers == nil {
		importers = []pair{{nil, doc}}
	}
	for _, project := range importers {
		for _, field := range []string{"dependencies", "optionalDependencies", devField} {
			l.ask(field, pnpmTargets(at, project.value, number, field)...)
		}
	}
	return l, nil
}

func pnpmVersion(name string, version *yaml.Node) (float64, error) {
	number, err := strconv.ParseFloat(text(version), 64)
	if err == nil && number >= 5 && number < 10 {
		return number, nil
	}
	line := 1
	if version != nil {
		line = version.Line
	}
	return 0, &lockError{name, line, fmt.Sprintf("lockfileVersion %.20q is not known to this version of wf-ci (5 to 9 are)", text(version))}
}

// pnpmTargets are the packages that the fields of an entry name.
func pnpmTargets(at map[string][]int, entry *yaml.Node, number float64, fields ...string) (list []int) {
	for _, field := range fields {
		for _, d := range pairs(child(entry, field)) {
			list = append(list, at[pnpmTarget(d, number)]...)
		}
	}
	return list
}

func pnpmPackage(name string, e pair, number float64) (Package, error) {
	p := Package{Ecosystem: NPM, Line: e.key.Line, EndLine: e.key.Line}
	key := strings.TrimPrefix(pnpmID(e.key.Value), "/")
	if p.Name, p.Version = cutVersion(key); strings.Contains(key, "://") {
		p.Name, p.Version = cutDescriptor(key) // an address may hold a password, and so another @
	}
	p.Dev = number < 9 && text(child(e.value, "dev")) == "true"
	if own := text(child(e.value, "name")); own != "" {
		p.Name = own
	}
	resolution := child(e.value, "resolution")
	tarball := text(child(resolution, "tarball"))
	p.Elsewhere = child(resolution, "repo") != nil || child(resolution, "directory") != nil || fromElsewhere(tarball) ||
		tarball == "" && strings.ContainsAny(p.Version, ":/#")
	if own := child(e.value, "version"); text(own) != "" {
		p.Version, p.EndLine = text(own), own.Line
	}
	if !p.Elsewhere && !digitFirst(p.Version) {
		if !strings.Contains(p.Name, "/") || strings.HasPrefix(e.key.Value, "/") {
			return p, &lockError{name, e.key.Line, "an entry that names no package and version: write the file again with pnpm install"}
		}
		p.Elsewhere = true // github.com/owner/repository/…
	}
	return p, nil
}

func digitFirst(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// pnpmID makes one spelling of the keys of all versions: name@version, without
// the peers that it was resolved with.
func pnpmID(key string) string {
	if i := strings.IndexByte(key, '('); i >= 0 {
		key = key[:i] // version 6 and later
	}
	if strings.Contains(key, "://") || strings.Contains(key, "file:") {
		return key
	}
	host, rest, found := strings.Cut(key, "/")
	if found && !strings.HasPrefix(host, "@") && !strings.Contains(host, "@") {
		key = rest // a leading slash, or a registry's name
	}
	scope := ""
	if s, r, ok := strings.Cut(key, "/"); ok && strings.HasPrefix(s, "@") {
		scope, key = s+"/", r
	}
	if n, version, ok := strings.Cut(key, "/"); ok && digitFirst(version) { // version 5: name/1.2.3_peers
		version, _, _ = strings.Cut(version, "_")
		return scope + n + "@" + version
	}
	return scope + key
}

// pnpmTarget is what a dependency resolves to.
func pnpmTarget(d pair, number float64) string {
	version := text(d.value)
	if d.value.Kind == yaml.MappingNode {
		version = text(child(d.value, "version"))
	}
	if digitFirst(version) {
		version, _, _ = strings.Cut(version, "(")
		if number < 6 {
			version, _, _ = strings.Cut(version, "_")
		}
		return d.key.Value + "@" + version
	}
	if strings.Contains(version, "://") && number >= 9 {
		return d.key.Value + "@" + version
	}
	return pnpmID(version) // an alias, or a source of its own
}
