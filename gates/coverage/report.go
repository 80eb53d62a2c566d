package coverage

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Bounds of what a report may hold. A report of a very large project stays far
// below them; one that is made to fill our memory does not.
const (
	reportLimit = 64 << 20  // bytes
	maxFiles    = 200_000   // files in one report
	maxLine     = 5_000_000 // the last line of a file
	maxLines    = 20_000_000
	maxDepth    = 200 // of nested XML elements
)

// report is what a coverage report says, with the names of files as it has
// them: nothing in it is to be trusted before it is matched with a tree.
type report struct {
	format  string
	files   []reportFile
	sources []string // directories that the names may be relative to (Cobertura)
	naming  naming
}

// naming is what the names of files in a report are.
type naming uint8

const (
	byPath    naming = iota // absolute, or relative to where the tool ran
	byImport                // Go's import paths
	byPackage               // ends of paths: a Java package and a file
)

// reportFile is one file of a report.
type reportFile struct {
	name   string
	hits   map[int]int64 // by line, from 1: how often it ran
	blocks []block       // Go's: lines follow from the source
	spans  [][]span      // V8's, of each process: likewise
	sums   map[int]string
	// lines is how many lines the file had, where the report says so; else 0.
	lines int
	// covered and total count lines, where the report has no single ones.
	covered, total int
	summary        bool
}

// block is a run of statements in a coverprofile.
type block struct {
	line, col, endLine, endCol int
	count                      int64
}

// readers of coverage, each with what its reports begin with or hold.
var readers = []struct {
	format string
	is     func(head []byte) bool
	read   func(data []byte) (*report, error)
}{
	{"coverprofile", isCoverprofile, readCoverprofile},
	{"lcov", isLCOV, readLCOV},
	{"cobertura", rootElement("coverage"), readCobertura},
	{"jacoco", rootElement("report"), readJaCoCo},
	{"json", isJSON, readJSON},
}

var errNoFile = errors.New("names no file")

// readReport reads a coverage report of any format we know, told by what it
// holds and not by its name.
func readReport(data []byte) (*report, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > reportLimit:
		return nil, fmt.Errorf("it is larger than %d MiB", reportLimit>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("it is empty")
	}
	for _, r := range readers {
		if !r.is(data) {
			continue
		}
		rep, err := r.read(data)
		if err != nil {
			return nil, fmt.Errorf("not a whole %s report: %w", r.format, err)
		}
		if len(rep.files) == 0 {
			return nil, fmt.Errorf("the %s report %w", rep.format, errNoFile)
		}
		return rep, nil
	}
	return nil, errors.New("not a coverage report that wf-ci knows (coverprofile, LCOV, Cobertura, JaCoCo, Istanbul, coverage.py JSON, llvm-cov JSON, SimpleCov)")
}

// builder gathers a report's files; one that is named twice is merged.
type builder struct {
	rep   report
	index map[string]int
	lines int
}

func newBuilder(format string, n naming) *builder {
	return &builder{rep: report{format: format, naming: n}, index: make(map[string]int)}
}

func (b *builder) file(name string) (*reportFile, error) {
	if name == "" {
		return nil, errors.New("a file without a name")
	}
	i, ok := b.index[name]
	if !ok {
		if len(b.rep.files) >= maxFiles {
			return nil, fmt.Errorf("more than %d files", maxFiles)
		}
		i = len(b.rep.files)
		b.index[name] = i
		b.rep.files = append(b.rep.files, reportFile{name: name, hits: make(map[int]int64)})
	}
	return &b.rep.files[i], nil
}

// hit notes that a line can run, and ran n times more. Line 0 is what some
// tools say of an empty file.
func (b *builder) hit(f *reportFile, line, n int64) error {
	switch {
	case line == 0:
		return nil
	case line < 0 || line > maxLine:
		return fmt.Errorf("%.200q: line %d", f.name, line)
	case n < 0:
		return fmt.Errorf("%.200q:%d ran %d times", f.name, line, n)
	}
	old, seen := f.hits[int(line)]
	if !seen {
		if b.lines++; b.lines > maxLines {
			return fmt.Errorf("more than %d lines", maxLines)
		}
	}
	f.hits[int(line)] = add(old, n)
	return nil
}

// most is hit for tools that say the same of a line in several places.
func (b *builder) most(f *reportFile, line, n int64) error {
	if line > 0 && line <= maxLine && n >= 0 {
		n = max(0, n-f.hits[int(line)])
	}
	return b.hit(f, line, n)
}

// add does not run over.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// rootElement tells an XML document by its outermost element.
func rootElement(name string) func([]byte) bool {
	return func(data []byte) bool {
		d := newXML(data[:min(len(data), 64<<10)])
		for {
			t, err := d.token()
			if err != nil {
				return false
			}
			if e, ok := t.(xml.StartElement); ok {
				return e.Name.Local == name
			}
		}
	}
}

// xmlReader reads XML that may be hostile: no entity of the document's own is
// expanded, nothing outside is read, and the depth is bounded.
type xmlReader struct {
	d     *xml.Decoder
	depth int
}

func newXML(data []byte) *xmlReader {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset
	return &xmlReader{d: d}
}

func (x *xmlReader) token() (xml.Token, error) {
	t, err := x.d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) && x.depth > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch t := t.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxDepth {
			return nil, fmt.Errorf("elements nested more than %d deep", maxDepth)
		}
	case xml.EndElement:
		x.depth--
	case xml.Directive:
		if bytes.Contains(bytes.ToUpper(t), []byte("<!ENTITY")) {
			return nil, errors.New("the document declares entities of its own")
		}
	}
	return t, nil
}

// charset takes the encodings in which every byte is a character.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		data, err := io.ReadAll(in)
		runes := make([]rune, len(data))
		for i, c := range data {
			runes[i] = rune(c)
		}
		return strings.NewReader(string(runes)), err
	}
	return nil, fmt.Errorf("encoding %.40q", name)
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func isJSON(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && data[0] == '{'
}

// readJSON tells the JSON formats apart by their keys.
func readJSON(data []byte) (*report, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	var kind string
	_ = json.Unmarshal(top["type"], &kind)
	switch {
	case isV8(top):
		return readV8(data)
	case kind == "llvm.coverage.json.export":
		return readLLVM(data)
	case top["meta"] != nil && top["files"] != nil:
		return readCoveragePy(data)
	}
	for _, key := range []string{"total", ""} {
		for name, raw := range top {
			if key != "" && name != key {
				continue
			}
			var f struct {
				StatementMap json.RawMessage `json:"statementMap"`
				Coverage     json.RawMessage `json:"coverage"`
				Lines        struct {
					Total *float64 `json:"total"`
				} `json:"lines"`
			}
			if json.Unmarshal(raw, &f) != nil {
				continue
			}
			switch {
			case f.StatementMap != nil:
				return readIstanbul(data)
			case f.Lines.Total != nil:
				return readIstanbulSummary(data)
			case f.Coverage != nil:
				return readSimpleCov(data)
			}
		}
	}
	if len(top) == 0 {
		return nil, errors.New("an empty object")
	}
	return nil, errors.New("no coverage report that wf-ci knows")
}
