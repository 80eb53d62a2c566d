package deps

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/vuln/scan"
)

// Govulncheck is the name of the engine that looks for calls.
const Govulncheck = "govulncheck"

type govulncheckRequest struct {
	DB string // directory of records
}

type govulncheckReply struct {
	GoVersion string
	Findings  []vulnFinding
}

// vulnFinding is a finding of govulncheck, as far as it says how the module uses
// the vulnerability.
type vulnFinding struct {
	ID    string
	Level level
	Calls vulnCall
}

// vulnCall is where the module's own code begins to call.
type vulnCall struct {
	File       string // relative to the module, with slashes
	Line       int
	From, What string
}

// vulnMessage is one message of govulncheck's JSON (golang.org/x/vuln's
// internal/govulncheck says what they mean).
type vulnMessage struct {
	Config *struct {
		GoVersion string `json:"go_version"`
		ScanLevel string `json:"scan_level"`
	} `json:"config"`
	SBOM *struct {
		Roots []string `json:"roots"`
	} `json:"SBOM"`
	Finding *struct {
		OSV   string      `json:"osv"`
		Trace []vulnFrame `json:"trace"`
	} `json:"finding"`
}

type vulnFrame struct {
	Module   string `json:"module"`
	Package  string `json:"package"`
	Function string `json:"function"`
	Receiver string `json:"receiver"`
	Position *struct {
		Filename string `json:"filename"`
		Line     int    `json:"line"`
	} `json:"position"`
}

// RunGovulncheck is the engine govulncheck, on the module in dir. It reads source
// and runs the go command.
func RunGovulncheck(ctx context.Context, dir string, request json.RawMessage) (any, error) {
	var q govulncheckRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	c := scan.Command(ctx, "-C", dir, "-format", "json", "-db", "file://"+filepath.ToSlash(q.DB), "./...")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(""), &out, &errs
	err := c.Start()
	if err == nil {
		err = c.Wait()
	}
	if err != nil {
		text := strings.TrimSpace(errs.String() + " " + err.Error())
		return nil, fmt.Errorf("govulncheck could not load the code: %s; it has to build here (go mod download, go build ./...)", oneLine(text, 600))
	}
	return readVulnMessages(&out)
}

// readVulnMessages reads govulncheck's stream. Its exit status says nothing here
// (0, whatever it found): that it looked is seen by what it prints.
func readVulnMessages(in io.Reader) (*govulncheckReply, error) {
	reply := &govulncheckReply{}
	d := json.NewDecoder(in)
	deep, roots := false, 0
	for {
		var m vulnMessage
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("govulncheck's output cannot be read: %w", err)
		}
		switch {
		case m.Config != nil:
			deep = m.Config.ScanLevel == "symbol"
			reply.GoVersion = m.Config.GoVersion
		case m.SBOM != nil:
			roots = len(m.SBOM.Roots)
		case m.Finding != nil && len(m.Finding.Trace) > 0:
			reply.Findings = append(reply.Findings, newVulnFinding(m.Finding.OSV, m.Finding.Trace))
		}
	}
	switch {
	case !deep:
		return nil, errors.New("govulncheck did not look at what is called")
	case roots == 0:
		return nil, errors.New("govulncheck found no package to look at")
	}
	slices.SortFunc(reply.Findings, vulnFinding.compare)
	return reply, nil
}

// newVulnFinding reads a trace: from the vulnerable function up to where the
// module's own code begins.
func newVulnFinding(id string, trace []vulnFrame) vulnFinding {
	f := vulnFinding{ID: id}
	switch first := trace[0]; {
	case first.Function != "":
		f.Level = called
	case first.Package != "":
		f.Level = imported
	}
	if f.Level != called {
		return f
	}
	main := trace[len(trace)-1].Module
	for i, frame := range trace {
		if i > 0 && frame.Module == main && frame.Position != nil && frame.Position.Line > 0 {
			f.Calls = vulnCall{
				File: filepath.ToSlash(frame.Position.Filename), Line: frame.Position.Line,
				From: frame.name(), What: trace[i-1].name(),
			}
			break
		}
	}
	return f
}

// name is a function as Go's tools write it.
func (f vulnFrame) name() string {
	name := f.Function
	if f.Receiver != "" {
		name = strings.TrimPrefix(f.Receiver, "*") + "." + name
	}
	return path.Base(f.Package) + "." + name
}

// use places a finding in the tree.
func (f vulnFinding) use(dir string) use {
	u := use{level: f.Level, from: f.Calls.From, what: f.Calls.What, line: f.Calls.Line}
	if f.Calls.File != "" && !path.IsAbs(f.Calls.File) {
		u.file = path.Join(dir, f.Calls.File)
	}
	return u
}

func (f vulnFinding) compare(g vulnFinding) int {
	return cmp.Or(strings.Compare(f.ID, g.ID), cmp.Compare(g.Level, f.Level), strings.Compare(f.Calls.File, g.Calls.File),
		cmp.Compare(f.Calls.Line, g.Calls.Line), strings.Compare(f.Calls.From, g.Calls.From), strings.Compare(f.Calls.What, g.Calls.What))
}
