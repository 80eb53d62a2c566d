package coverage

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// count is a number of runs: whole, not negative, saturating.
type count int64

func (c *count) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err != nil || string(data) == "null" {
		return fmt.Errorf("%.40q is no number of runs", data)
	}
	if f < 0 || f != math.Trunc(f) {
		return fmt.Errorf("%.40s is no number of runs", data)
	}
	if f >= math.MaxInt64 {
		*c = math.MaxInt64
		return nil
	}
	*c = count(f)
	return nil
}

// readIstanbul reads coverage-final.json. A line is that on which a statement
// begins; it ran as often as the statement that ran most, as istanbul counts.
func readIstanbul(data []byte) (*report, error) {
	var top map[string]struct {
		Path         string `json:"path"`
		StatementMap map[string]struct {
			Start struct {
				Line int64 `json:"line"`
			} `json:"start"`
		} `json:"statementMap"`
		S map[string]count `json:"s"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	b := newBuilder("istanbul", byPath)
	for name, cov := range top {
		if cov.Path != "" {
			name = cov.Path
		}
		f, err := b.file(name)
		if err != nil {
			return nil, err
		}
		for id, s := range cov.StatementMap {
			n, ok := cov.S[id]
			if !ok {
				return nil, fmt.Errorf("%.200q: no count for statement %.20q", name, id)
			}
			if err := b.most(f, s.Start.Line, int64(n)); err != nil {
				return nil, err
			}
		}
	}
	b.sort()
	return &b.rep, nil
}

// readIstanbulSummary reads coverage-summary.json, which has no single lines.
func readIstanbulSummary(data []byte) (*report, error) {
	var top map[string]struct {
		Lines struct {
			Total   *count `json:"total"`
			Covered *count `json:"covered"`
		} `json:"lines"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	b := newBuilder("istanbul summary", byPath)
	for name, cov := range top {
		if name == "total" {
			continue
		}
		f, err := b.file(name)
		if err != nil {
			return nil, err
		}
		total, covered := cov.Lines.Total, cov.Lines.Covered
		if total == nil || covered == nil || *covered > *total || *total > maxLine {
			return nil, fmt.Errorf("%.200q: no counts of lines", name)
		}
		f.summary, f.total, f.covered = true, int(*total), int(*covered)
	}
	b.sort()
	return &b.rep, nil
}

// readCoveragePy reads what `coverage json` writes.
func readCoveragePy(data []byte) (*report, error) {
	var top struct {
		Files map[string]struct {
			Executed *[]int64 `json:"executed_lines"`
			Missing  *[]int64 `json:"missing_lines"`
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	b := newBuilder("coverage.py", byPath)
	for name, cov := range top.Files {
		if cov.Executed == nil || cov.Missing == nil {
			return nil, fmt.Errorf("%.200q: no list of lines", name)
		}
		f, err := b.file(name)
		if err != nil {
			return nil, err
		}
		for _, line := range *cov.Executed {
			if err := b.most(f, line, 1); err != nil {
				return nil, err
			}
		}
		for _, line := range *cov.Missing {
			if err := b.hit(f, line, 0); err != nil {
				return nil, err
			}
		}
	}
	b.sort()
	return &b.rep, nil
}

// segment is where the count changes in llvm-cov's export: line, column,
// count, whether it has one, whether a region begins, whether it is a gap.
type segment struct {
	line             int64
	count            int64
	has, entry, hole bool
}

func (s *segment) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if len(raw) < 5 {
		return fmt.Errorf("segment %.100s", data)
	}
	var n count
	err := errors.Join(json.Unmarshal(raw[0], &s.line), json.Unmarshal(raw[2], &n), json.Unmarshal(raw[3], &s.has), json.Unmarshal(raw[4], &s.entry))
	if len(raw) > 5 {
		err = errors.Join(err, json.Unmarshal(raw[5], &s.hole))
	}
	s.count = int64(n)
	return err
}

// readLLVM reads the export of llvm-cov (also of cargo llvm-cov --json).
func readLLVM(data []byte) (*report, error) {
	var top struct {
		Data []struct {
			Files []struct {
				Filename string     `json:"filename"`
				Segments *[]segment `json:"segments"`
				Summary  struct {
					Lines struct {
						Count   *count `json:"count"`
						Covered *count `json:"covered"`
					} `json:"lines"`
				} `json:"summary"`
			} `json:"files"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	b := newBuilder("llvm-cov", byPath)
	for _, part := range top.Data {
		for _, cov := range part.Files {
			f, err := b.file(cov.Filename)
			if err != nil {
				return nil, err
			}
			if cov.Segments == nil { // --summary-only
				total, covered := cov.Summary.Lines.Count, cov.Summary.Lines.Covered
				if total == nil || covered == nil || *covered > *total || *total > maxLine {
					return nil, fmt.Errorf("%.200q: no segments and no counts of lines", cov.Filename)
				}
				f.summary, f.total, f.covered = true, int(*total), int(*covered)
				continue
			}
			if err := b.segments(f, *cov.Segments); err != nil {
				return nil, err
			}
		}
	}
	return &b.rep, nil
}

// segments counts lines as LLVM's LineCoverageStats does.
func (b *builder) segments(f *reportFile, list []segment) error {
	var wrapped *segment
	for i := 0; i < len(list); {
		line := list[i].line
		if line < 1 || line > maxLine {
			return fmt.Errorf("%.200q: line %d", f.name, line)
		}
		end := i
		for end < len(list) && list[end].line == line {
			end++
		}
		here := list[i:end]
		entries := 0
		var n int64
		for j := range here {
			if here[j].has && here[j].entry && !here[j].hole {
				entries++
				n = max(n, here[j].count)
			}
		}
		skipped := !here[0].has && here[0].entry
		if !skipped && (entries > 0 || wrapped != nil && wrapped.has) {
			if wrapped != nil && wrapped.has {
				n = max(n, wrapped.count)
			}
			if err := b.most(f, line, n); err != nil {
				return err
			}
		}
		wrapped = &here[len(here)-1]
		next := line + 1
		if end < len(list) {
			if list[end].line < line {
				return fmt.Errorf("%.200q: segments out of order", f.name)
			}
			next = list[end].line
		}
		if wrapped.has {
			for l := line + 1; l < next; l++ {
				if err := b.most(f, l, wrapped.count); err != nil {
					return err
				}
			}
		}
		i = end
	}
	return nil
}

// readSimpleCov reads .resultset.json: for each line of a file null, or how
// often it ran; by the name of the test suite.
func readSimpleCov(data []byte) (*report, error) {
	var top map[string]struct {
		Coverage map[string]json.RawMessage `json:"coverage"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	b := newBuilder("simplecov", byPath)
	for _, suite := range top {
		for name, raw := range suite.Coverage {
			var lines []json.RawMessage
			if json.Unmarshal(raw, &lines) != nil {
				var long struct {
					Lines *[]json.RawMessage `json:"lines"`
				}
				if err := json.Unmarshal(raw, &long); err != nil || long.Lines == nil {
					return nil, fmt.Errorf("%.200q: no lines", name)
				}
				lines = *long.Lines
			}
			if err := b.simpleCov(name, lines); err != nil {
				return nil, err
			}
		}
	}
	b.sort()
	return &b.rep, nil
}

func (b *builder) simpleCov(name string, lines []json.RawMessage) error {
	f, err := b.file(name)
	if err != nil {
		return err
	}
	f.lines = max(f.lines, len(lines))
	for i, raw := range lines {
		if s := string(raw); s == "null" || s == `"ignored"` {
			continue
		}
		var n count
		if err := json.Unmarshal(raw, &n); err != nil {
			return fmt.Errorf("%.200q:%d: %w", name, i+1, err)
		}
		if err := b.hit(f, int64(i+1), int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// sort undoes the order of Go's maps.
func (b *builder) sort() {
	slices.SortFunc(b.rep.files, func(a, c reportFile) int {
		if a.name < c.name {
			return -1
		}
		return 1
	})
	b.index = nil
}
