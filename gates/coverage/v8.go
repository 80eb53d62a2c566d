package coverage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// span is a piece of a script, in UTF-16 units from its start, and how often it
// ran. V8 writes them for each process.
type span struct {
	from, to int
	count    int64
}

// maxSpans bounds those of one report.
const maxSpans = 5_000_000

// isV8 tells what NODE_V8_COVERAGE has node write.
func isV8(top map[string]json.RawMessage) bool {
	return top["result"] != nil && top["timestamp"] != nil
}

// readV8 reads the coverage of one process. A script with a source map was made
// of the file that is named, and is not it: its pieces say nothing of the
// file's lines, so that it is left out.
func readV8(data []byte) (*report, error) {
	var in struct {
		Result []struct {
			URL       string `json:"url"`
			Functions []struct {
				Ranges []struct {
					Start int   `json:"startOffset"`
					End   int   `json:"endOffset"`
					Count int64 `json:"count"`
				} `json:"ranges"`
			} `json:"functions"`
		} `json:"result"`
		Maps map[string]json.RawMessage `json:"source-map-cache"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	b, n := newBuilder("v8", byPath), 0
	for _, script := range in.Result {
		name, ok := strings.CutPrefix(script.URL, "file://")
		if _, mapped := in.Maps[script.URL]; !ok || mapped || strings.Contains(name, "/node_modules/") {
			continue
		}
		name, err := url.PathUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("the name %.200q", script.URL)
		}
		f, err := b.file(name)
		if err != nil {
			return nil, err
		}
		var process []span
		for _, function := range script.Functions {
			for _, r := range function.Ranges {
				if n++; n > maxSpans {
					return nil, fmt.Errorf("more than %d pieces", maxSpans)
				}
				if r.Start < 0 || r.End < r.Start || r.Count < 0 {
					return nil, fmt.Errorf("%.200q: a piece from %d to %d ran %d times", name, r.Start, r.End, r.Count)
				}
				process = append(process, span{r.Start, r.End, r.Count})
			}
		}
		f.spans = append(f.spans, process)
	}
	return &b.rep, nil
}

// expandSpans makes lines of what the processes say of a script. A line did not
// run when the innermost piece that holds all of it did not.
func expandSpans(f *reportFile, source [][]byte) error {
	if len(f.spans) == 0 {
		return nil
	}
	lines, end := scriptLines(source)
	work := 0
	for _, process := range f.spans {
		slices.SortStableFunc(process, func(a, b span) int {
			if a.from != b.from {
				return a.from - b.from
			}
			return b.to - a.to // the outer one first
		})
		counts := make(map[int]int64)
		for _, s := range process {
			if s.to > end+1 {
				return fmt.Errorf("it covers up to character %d, and the file has %d", s.to, end)
			}
			first, _ := slices.BinarySearchFunc(lines, s.from, func(l scriptLine, at int) int { return l.from - at })
			for i := first; i < len(lines) && lines[i].from < s.to; i++ {
				if work++; work > maxLines {
					return errors.New("its pieces overlap too much")
				}
				if lines[i].to <= s.to {
					counts[lines[i].number] = s.count
				}
			}
		}
		for line, n := range counts {
			f.hits[line] = add(f.hits[line], n)
		}
	}
	f.spans = nil
	return nil
}

// scriptLine is a line that holds code, without the space around it.
type scriptLine struct{ number, from, to int }

// scriptLines are the lines of a script that hold more than space, comments and
// closing brackets; also the script's length in UTF-16 units.
func scriptLines(source [][]byte) (lines []scriptLine, end int) {
	code := codeLines(source)
	at := 0
	for i, text := range source {
		inner := bytes.TrimSpace(text)
		if code[i] && len(inner) > 0 {
			from := at + utf16Len(text[:bytes.Index(text, inner)])
			lines = append(lines, scriptLine{i + 1, from, from + utf16Len(inner)})
		}
		at += utf16Len(text) + 1
	}
	return lines, at
}

func utf16Len(text []byte) int {
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if n++; r > 0xffff {
			n++
		}
		text = text[size:]
	}
	return n
}
