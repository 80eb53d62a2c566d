package lint

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// syntaxError is the rule of a file that does not parse.
const syntaxError = "syntax-error"

// syntaxUnits is the unit of all sources that no linter has.
func syntaxUnits(s *session, files *syntax.Files) []unit {
	var rest []git.File
	for _, f := range s.target.Tree.Files {
		language, ok := syntax.LanguageOf(f.Path, nil)
		if !ok || f.Kind == git.Symlink || f.Size == 0 || !maintained(f.Path, nil) || inAside(f.Path) {
			continue
		}
		if kind := project.KindOf(project.Language(f.Path, nil)); language != 0 && !s.isTaken(kind, f.Path) {
			rest = append(rest, f)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return []unit{{"syntax", ".", func(ctx context.Context) (result, error) {
		return s.parse(ctx, files, rest)
	}}}
}

// parse looks for syntax errors: Go's with its own parser, the others' with the
// shared grammars.
func (s *session) parse(ctx context.Context, files *syntax.Files, rest []git.File) (result, error) {
	r := result{engine: "syntax errors only", metrics: map[string]float64{"files_without_linter": float64(len(rest))}}
	var others []git.File
	for _, f := range rest {
		if path.Ext(f.Path) != ".go" {
			others = append(others, f)
			continue
		}
		data, err := s.text(ctx, f.Path)
		if err != nil {
			return r, err
		}
		if maintained(f.Path, data) {
			r.files++
			r.findings = append(r.findings, goSyntax(f.Path, data)...)
		}
	}
	if len(others) == 0 {
		return r, nil
	}
	if !syntax.Available() {
		return r, syntax.ErrUnavailable
	}
	var mu sync.Mutex
	var unread []string
	err := files.Each(ctx, s.target.Tree, others, s.target.Jobs, func(f git.File, tree *syntax.Tree, err error) error {
		if errors.Is(err, syntax.ErrUnavailable) {
			return err
		}
		var found []gates.Finding
		if tree != nil && maintained(f.Path, tree.Source) {
			found = s.treeFaults(ctx, f, tree)
		}
		mu.Lock()
		defer mu.Unlock()
		if tree == nil {
			unread = append(unread, fmt.Sprintf("%q: %v", f.Path, err))
			return nil
		}
		r.files++
		r.findings = append(r.findings, found...)
		return nil
	})
	if err == nil && len(unread) > 0 {
		err = fmt.Errorf("%s could not be parsed (%s)", gates.Plural(len(unread), "file"), least(unread))
	}
	return r, err
}

func least(list []string) string {
	first := list[0]
	for _, s := range list {
		first = min(first, s)
	}
	return first
}

// treeFaults is the first fault of a file: those behind it often follow from it.
func (s *session) treeFaults(ctx context.Context, f git.File, tree *syntax.Tree) []gates.Finding {
	if !tree.Root().HasError() {
		return nil
	}
	if language, _ := syntax.LanguageOf(f.Path, nil); language == syntax.JavaScript || language == syntax.TypeScript {
		// A .js with types in it (Flow) is code for another compiler.
		if other, err := syntax.Parse(ctx, syntax.TSX, tree.Source); err == nil && !other.Root().HasError() {
			return nil
		}
	}
	all := tree.Errors()
	if len(all) == 0 {
		return []gates.Finding{{Rule: syntaxError, Severity: gates.SeverityError, Path: gates.Path(f.Path), Message: "it does not parse"}}
	}
	node := all[0]
	at, message := node.Start(), "it does not parse from here on"
	if node.IsMissing() {
		message = fmt.Sprintf("%q is missing here", node.Kind())
	}
	return []gates.Finding{{Rule: syntaxError, Severity: gates.SeverityError, Path: gates.Path(f.Path), Line: at.Line, Column: at.Column, Message: message}}
}

func goSyntax(name string, data []byte) []gates.Finding {
	_, err := parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return nil
	}
	return []gates.Finding{{
		Rule: syntaxError, Severity: gates.SeverityError, Path: gates.Path(name), Line: list[0].Pos.Line, Column: list[0].Pos.Column, Message: list[0].Msg,
	}}
}
