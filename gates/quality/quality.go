// Package quality holds the gates that read source code as its maintainers do:
//
//	[Complexity]   functions that branch too much
//	[Duplication]  code that is there twice
//
// Both read the files of a tree through one [syntax.Files], leave out what
// nobody maintains by hand ([project.Classify]), and say of each file that they could
// not read that they could not read it.
package quality

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are what the gates of this package share.
type Options struct {
	// Files parses the sources; gates that share one parse each file once.
	// Required.
	Files *syntax.Files
}

// leaveOut says why a file is not judged: it is a test, somebody else's, or
// written by a program. Empty: it is. Without content it goes by the name.
func leaveOut(path string, content []byte) string {
	if class := project.Classify(path, content); class != project.Source {
		return string(class)
	}
	return ""
}

// cacheKey is a gate's key: its own part, and the grammars.
func (o Options) cacheKey(own string) string { return own + " " + syntax.Versions }

// parseError is the rule of a file that could not be read as it should.
var parseError = gates.Rule{
	ID: "parse-error", Title: "A file that could not be parsed",
	Help: "What is in it was not judged, or not wholly. Mend its syntax; a file that is no source should not be named like one.",
}

// sources are the files to read, by their names.
func (o Options) sources(t *gates.Target) []git.File {
	var list []git.File
	for _, f := range t.Tree.Files {
		if _, ok := syntax.LanguageOf(f.Path, nil); ok && f.Kind != git.Symlink && leaveOut(f.Path, nil) == "" {
			list = append(list, f)
		}
	}
	return list
}

func (o Options) plan(_ context.Context, t *gates.Target) (gates.Plan, error) {
	n := len(o.sources(t))
	if n == 0 {
		return gates.Plan{Skip: "no source in a supported language"}, nil
	}
	return gates.Plan{Expect: gates.Examined{Files: int64(n)}}, nil
}

// survey is what reading the sources came to, whatever the gate.
type survey struct {
	mu       sync.Mutex
	examined gates.Examined
	judged   int // files that were given to the gate
	leftOut  int // files that turned out to be generated, or no source
	faulty   int // files that could not be parsed wholly
	notes    []gates.Finding
	tally    map[syntax.Language]*tally
}

// tally counts the files of a language.
type tally struct {
	files, read int
	first       string // the first file that could not be read, by name
}

// look is what a gate wants of each source.
type look[R any] struct {
	// key names all that decides the result of read besides the file.
	key string
	// read is what there is to say of one file: it hangs on the file's name and
	// content only, and is kept between runs.
	read func(git.File, *syntax.Tree) R
	// use takes a result in; false: it is none of ours. Both are called from
	// several goroutines at once.
	use func(git.File, R) (ok bool, err error)
}

// record is what is kept of a source: what every gate says of it, and one gate's
// own part.
type record[R any] struct {
	LeftOut bool  `json:"left_out,omitempty"`
	Bytes   int64 `json:"bytes,omitempty"`
	Fault   int   `json:"fault,omitempty"`  // the line of the first syntax error
	Broken  bool  `json:"broken,omitempty"` // most of it does not parse
	Own     R     `json:"own"`
}

// run looks at each source that is to be judged. A language of which no file
// could be read is an error.
func (l look[R]) run(ctx context.Context, o Options, t *gates.Target) (*survey, error) {
	s := &survey{tally: make(map[syntax.Language]*tally)}
	if !syntax.Available() {
		return s, syntax.ErrUnavailable
	}
	known := t.Known(l.key)
	defer known.Keep()
	var unknown []git.File
	for _, f := range o.sources(t) {
		var r record[R]
		if !known.Get(gates.ContentID(f), &r) {
			unknown = append(unknown, f)
		} else if ok, err := l.take(s, f, r); err != nil {
			return s, err
		} else if !ok {
			unknown = append(unknown, f)
		}
	}
	err := o.Files.Each(ctx, t.Tree, unknown, t.Jobs, func(f git.File, tree *syntax.Tree, err error) error {
		switch {
		case errors.Is(err, syntax.ErrUnavailable):
			return err
		case tree == nil: // may be a matter of time: not kept
			s.missing(f, err)
			return nil
		}
		r := l.record(f, tree)
		known.Put(gates.ContentID(f), r)
		if ok, err := l.take(s, f, r); !ok || err != nil {
			return cmp.Or(err, fmt.Errorf("%s: what was read of it does not hold together", gates.Path(f.Path)))
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	return s, s.unreadable()
}

func (l look[R]) record(f git.File, tree *syntax.Tree) record[R] {
	r := record[R]{Bytes: int64(len(tree.Source))}
	if !wanted(f, tree) {
		r.LeftOut = true
		return r
	}
	if tree.Root().HasError() {
		r.Fault = tree.Errors()[0].Start().Line
	}
	r.Broken = tree.ErrorRatio() > 0.5
	r.Own = l.read(f, tree)
	return r
}

// take takes a record in, new or known.
func (l look[R]) take(s *survey, f git.File, r record[R]) (ok bool, err error) {
	if !r.LeftOut {
		if ok, err := l.use(f, r.Own); !ok || err != nil {
			return ok, err
		}
	}
	s.count(f, r.LeftOut, r.Bytes, r.Fault, r.Broken)
	return true, nil
}

// wanted says whether a file is to be judged, by its content.
func wanted(f git.File, tree *syntax.Tree) bool {
	_, source := syntax.LanguageOf(f.Path, tree.Source)
	return source && leaveOut(f.Path, tree.Source) == ""
}

// count counts a file that was parsed.
func (s *survey) count(f git.File, leftOut bool, bytes int64, fault int, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.examined.Files++
	s.examined.Bytes += bytes
	if leftOut { // nobody's work
		s.leftOut++
		return
	}
	s.judged++
	if fault > 0 {
		s.note(f, fault, "syntax error: what is around it is judged in part")
	}
	s.tallied(f, !broken)
}

// missing counts a file that could not be parsed.
func (s *survey) missing(f git.File, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(f, 0, err.Error()+": nothing in it is judged")
	s.tallied(f, false)
}

func (s *survey) tallied(f git.File, read bool) {
	language, _ := syntax.LanguageOf(f.Path, nil)
	l := s.tally[language]
	if l == nil {
		l = &tally{}
		s.tally[language] = l
	}
	l.files++
	if read {
		l.read++
	} else if l.first == "" || f.Path < l.first {
		l.first = f.Path
	}
}

func (s *survey) note(f git.File, line int, text string) {
	s.faulty++
	s.notes = append(s.notes, gates.Finding{
		Rule: parseError.ID, Severity: gates.SeverityNote, Path: gates.Path(f.Path), Line: line, Message: text,
	})
}

// unreadable says which languages could not be read at all. The list is short,
// and in a fixed order.
func (s *survey) unreadable() error {
	var errs []error
	for _, language := range syntax.Languages() {
		if l := s.tally[language]; l != nil && l.read == 0 {
			errs = append(errs, fmt.Errorf("none of the %s in %s could be parsed, %s for one", gates.Plural(l.files, "file"), language, gates.Path(l.first)))
		}
	}
	return errors.Join(errs...)
}

// outcome is what every gate of this package says of a survey.
func (s *survey) outcome() gates.Outcome {
	return gates.Outcome{
		Findings: slices.Clone(s.notes),
		Examined: s.examined,
		Engine:   gates.Engine{Name: "tree-sitter", Version: engineVersion},
		Metrics: map[string]float64{
			"files": float64(s.judged), "files_left_out": float64(s.leftOut), "files_with_errors": float64(s.faulty),
		},
	}
}

const engineVersion = "0.25.0"
