// Package quality holds the gates that read source code as its maintainers do:
//
//	[Complexity]   functions that branch too much
//	[Duplication]  code that is there twice
//
// Both read the files of a tree through one [syntax.Files], leave out what
// nobody maintains by hand ([LeaveOut]), and say of each file that they could
// not read that they could not read it.
package quality

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Options are what the gates of this package share.
type Options struct {
	// Files parses the sources; gates that share one parse each file once.
	// Required.
	Files *syntax.Files
	// LeaveOut says why a file is not judged; empty: it is. It is asked twice:
	// by name alone (content is nil), and with the content. It has to be safe
	// for concurrent use. Optional; nil means [LeaveOut].
	LeaveOut func(path string, content []byte) string
	// LeaveOutID names LeaveOut's version, for cache keys. Required with LeaveOut.
	LeaveOutID string
}

func (o Options) leaveOut(path string, content []byte) string {
	if o.LeaveOut == nil {
		return LeaveOut(path, content)
	}
	return o.LeaveOut(path, content)
}

// cacheKey is a gate's key: its own part, what it leaves out, the grammars.
func (o Options) cacheKey(own string) string {
	id := o.LeaveOutID
	if o.LeaveOut == nil {
		id = leaveOutID
	}
	return own + " left-out=" + id + " " + syntax.Versions
}

// parseError is the rule of a file that could not be read as it should.
var parseError = gates.Rule{
	ID: "parse-error", Title: "A file that could not be parsed",
	Help: "What is in it was not judged, or not wholly. Mend its syntax; a file that is no source should not be named like one.",
}

// sources are the files to read, by their names.
func (o Options) sources(t *gates.Target) []git.File {
	var list []git.File
	for _, f := range t.Tree.Files {
		if _, ok := syntax.LanguageOf(f.Path, nil); ok && f.Kind != git.Symlink && o.leaveOut(f.Path, nil) == "" {
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

// survey gives fn each source that is to be judged, from several goroutines at
// once. A language of which no file could be read is an error.
func (o Options) survey(ctx context.Context, t *gates.Target, fn func(git.File, *syntax.Tree) error) (*survey, error) {
	s := &survey{tally: make(map[syntax.Language]*tally)}
	if !syntax.Available() {
		return s, syntax.ErrUnavailable
	}
	err := o.Files.Each(ctx, t.Tree, o.sources(t), t.Jobs, func(f git.File, tree *syntax.Tree, err error) error {
		switch {
		case errors.Is(err, syntax.ErrUnavailable):
			return err
		case tree != nil && !o.wanted(f, tree):
			s.leave(f)
			return nil
		}
		s.count(f, tree, err)
		if tree == nil {
			return nil
		}
		return fn(f, tree)
	})
	if err != nil {
		return s, err
	}
	return s, s.unreadable()
}

// wanted says whether a file is to be judged, by its content.
func (o Options) wanted(f git.File, tree *syntax.Tree) bool {
	_, source := syntax.LanguageOf(f.Path, tree.Source)
	return source && o.leaveOut(f.Path, tree.Source) == ""
}

// leave counts a file that was read, and is nobody's work.
func (s *survey) leave(f git.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leftOut++
	s.examined.Files++
	s.examined.Bytes += f.Size
}

func (s *survey) count(f git.File, tree *syntax.Tree, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	language, _ := syntax.LanguageOf(f.Path, nil)
	l := s.tally[language]
	if l == nil {
		l = &tally{}
		s.tally[language] = l
	}
	l.files++
	switch {
	case tree == nil:
		s.note(f, 0, err.Error()+": nothing in it is judged")
	case tree.Root().HasError():
		s.note(f, tree.Errors()[0].Start().Line, "syntax error: what is around it is judged in part")
	}
	if tree != nil {
		s.judged++
		s.examined.Files++
		s.examined.Bytes += int64(len(tree.Source))
	}
	if tree != nil && tree.ErrorRatio() <= 0.5 {
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
