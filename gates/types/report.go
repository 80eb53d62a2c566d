package types

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/wf-ci/wf-ci/gates"
)

// readReport reads the report of an earlier step, told by what it holds.
func (o Options) readReport(ctx context.Context, t *gates.Target, root *os.Root, units []unit, examined *gates.Examined) (measure, error) {
	w, err := gates.ReadWritten(ctx, root, t, o.Report, reportLimit)
	if err != nil {
		return measure{}, err
	}
	var covered []unit
	python := !isJSON(w.Data) || bytes.Contains(w.Data, []byte(`"typeCompleteness"`))
	var names []string
	for _, u := range units {
		if u.python != python {
			continue
		}
		covered = append(covered, u)
		for _, f := range u.sources {
			names = append(names, f.Path)
			examined.Files++
			examined.Bytes += f.Size
		}
	}
	if len(covered) == 0 {
		return measure{}, fmt.Errorf("%s speaks of a language that this tree has no sources in", o.Report)
	}
	if newer := w.OlderThan(root, names); newer != "" {
		return measure{}, fmt.Errorf("%s is older than %s: let the step that writes it run after the checkout, before wf-ci", o.Report, newer)
	}
	m, err := parseReport(w.Data, t.Dir, covered)
	if err == nil && m.symbols == 0 {
		err = errors.New("it counts no symbol")
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", o.Report, err)
	}
	examined.Results++
	return m, nil
}

func isJSON(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n\ufeff")
	return len(data) > 0 && data[0] == '{'
}

func parseReport(data []byte, dir string, units []unit) (measure, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return measure{}, errors.New("it is empty")
	case isJSON(data) && bytes.Contains(data, []byte(`"typeCompleteness"`)):
		return readPyright(data)
	case isJSON(data):
		m, err := readTypeCoverage(data, dir)
		if err != nil {
			return m, err
		}
		for _, p := range m.places {
			if !holds(units, p.path) {
				return m, fmt.Errorf("it is of another tree: %q is no source of this one", p.path)
			}
		}
		return m, nil
	}
	modules, err := readModules(data)
	if err != nil {
		return measure{}, fmt.Errorf("neither JSON of type-coverage or pyright nor a text report of mypy: %w", err)
	}
	all := units[0]
	if len(units) > 1 {
		all.project.Dir = "."
		for _, u := range units[1:] {
			all.sources = append(all.sources[:len(all.sources):len(all.sources)], u.sources...)
		}
	}
	return tie(modules, all.project.Dir, all.sources, "mypy")
}

// holds says whether a path is in one of the units' projects.
func holds(units []unit, name string) bool {
	for _, u := range units {
		if u.project.Holds(name) {
			return true
		}
	}
	return false
}

// readPyright reads `pyright --verifytypes PACKAGE --outputjson`.
func readPyright(data []byte) (measure, error) {
	var r struct {
		Completeness *struct {
			Symbols *struct {
				Known     int `json:"withKnownType"`
				Ambiguous int `json:"withAmbiguousType"`
				Unknown   int `json:"withUnknownType"`
			} `json:"exportedSymbolCounts"`
		} `json:"typeCompleteness"`
	}
	m := measure{engine: "pyright"}
	if err := json.Unmarshal(data, &r); err != nil {
		return m, err
	}
	if r.Completeness == nil || r.Completeness.Symbols == nil {
		return m, errors.New("it has no typeCompleteness.exportedSymbolCounts")
	}
	s := r.Completeness.Symbols
	if min(s.Known, s.Ambiguous, s.Unknown) < 0 || max(s.Known, s.Ambiguous, s.Unknown) > 1<<30 {
		return m, errors.New("its counts are no counts")
	}
	m.typed, m.symbols = s.Known, s.Known+s.Ambiguous+s.Unknown
	return m, nil
}
