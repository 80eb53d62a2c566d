package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// verdictLimit is the size, in bytes, of the largest verdict that is read. One
// with 500,000 findings has about 200 MB.
const verdictLimit = 256 << 20

// JSON writes the verdict without loss: [ReadJSON] gives it back. Only bytes
// that are not UTF-8 cannot be in JSON: in a path they are escaped (see
// [gates.Path]), elsewhere each becomes U+FFFD.
func JSON(w io.Writer, v *gates.Verdict) error {
	data, err := encodeJSON(v)
	if err == nil && bytes.Contains(data, []byte(`\ufffd`)) {
		// The encoder escapes what it replaces, and not what was there: what is
		// read back would be written otherwise.
		var again gates.Verdict
		if err = json.Unmarshal(data, &again); err == nil {
			data, err = encodeJSON(&again)
		}
	}
	if err != nil {
		return fmt.Errorf("encode verdict: %w", err)
	}
	_, err = w.Write(data)
	return err
}

// encodeJSON is v as people can read it too: indented, `<` as it is.
// encodeJSON writes a document that may go to the log of a runner as it is:
// "##[" anywhere in a line would be a command there, so one of its characters is
// escaped. (It can only stand inside a string, where that changes nothing. A
// line cannot begin with "::".)
func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return bytes.ReplaceAll(buf.Bytes(), []byte("##["), []byte(`#\u0023[`)), err
}

// ReadJSON reads what [JSON] wrote. Keys it does not know are left out: a
// later wf-ci may add some. All else has to be right, since reports trust it.
func ReadJSON(r io.Reader) (*gates.Verdict, error) { return readJSON(r, verdictLimit) }

func readJSON(r io.Reader, limit int64) (*gates.Verdict, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d MB: not read", limit/1_000_000)
	}
	// The schema first: in another one, the same keys may mean something else.
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, locate(data, err)
	}
	if head.Schema != gates.VerdictSchema {
		return nil, fmt.Errorf("schema %q: want %q (a file that wf-ci wrote with --output json=…)", head.Schema, gates.VerdictSchema)
	}
	var v gates.Verdict
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, locate(data, err)
	}
	if err := check(&v); err != nil {
		return nil, err
	}
	fill(&v)
	return &v, nil
}

// locate puts the place in front of an error of the JSON decoder.
func locate(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("empty: want a verdict in JSON")
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: %w", lineColumn(data, syntax.Offset), err)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: %s is a %s: want %s", lineColumn(data, kind.Offset), cmp.Or(kind.Field, "the verdict"), kind.Value, kind.Type)
	}
	return err
}

// lineColumn is the place of the last of the first n bytes: the one at which
// the decoder gave up.
func lineColumn(data []byte, n int64) string {
	before := data[:max(0, min(n, int64(len(data)))-1)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

var idPattern = lazyregexp.New(`^[a-z0-9][a-z0-9-]{0,63}$`)

// check refuses words that no report would know how to show.
func check(v *gates.Verdict) error {
	if !slices.Contains([]gates.Decision{gates.Pass, gates.Fail, gates.Inconclusive}, v.Decision) {
		return fmt.Errorf("verdict %q: want pass, fail or inconclusive", v.Decision)
	}
	seen := make(map[string]bool)
	for i := range v.Gates {
		g := &v.Gates[i]
		if !idPattern.MatchString(g.ID) {
			return fmt.Errorf("gates[%d]: id %q: not a gate's id", i, g.ID)
		}
		if seen[g.ID] {
			return fmt.Errorf("gates[%d]: %s is there twice", i, g.ID)
		}
		seen[g.ID] = true
		if err := checkGate(g); err != nil {
			return fmt.Errorf("gate %s: %w", g.ID, err)
		}
	}
	return nil
}

func checkGate(g *gates.GateVerdict) error {
	if !slices.Contains([]gates.Status{gates.StatusPass, gates.StatusFail, gates.StatusError, gates.StatusSkipped}, g.Status) {
		return fmt.Errorf("status %q: want pass, fail, error or skipped", g.Status)
	}
	if g.Scope != gates.ScopeAll && g.Scope != gates.ScopeChange {
		return fmt.Errorf("scope %q: want all or change", g.Scope)
	}
	for i, f := range g.Findings {
		if !slices.Contains(gates.Severities(), f.Severity) {
			return fmt.Errorf("findings[%d]: severity %q: want error, warning or note", i, f.Severity)
		}
		if min(f.Line, f.Column, f.EndLine, f.EndColumn) < 0 {
			return fmt.Errorf("findings[%d]: a line or a column below zero", i)
		}
	}
	return nil
}

// fill makes empty lists of those that are missing, as Judge does.
func fill(v *gates.Verdict) {
	list(&v.Reasons)
	list(&v.Warnings)
	list(&v.Gates)
	list(&v.SuppressionsAdded)
	list(&v.Waivers.Expired)
	list(&v.Waivers.Unused)
	list(&v.Policy.Weakened)
	for i := range v.Gates {
		list(&v.Gates[i].Findings)
		list(&v.Gates[i].Rules)
		if v.Gates[i].Metrics == nil {
			v.Gates[i].Metrics = map[string]float64{}
		}
	}
}

func list[T any](s *[]T) {
	if *s == nil {
		*s = []T{}
	}
}
