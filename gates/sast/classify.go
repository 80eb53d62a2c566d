package sast

import (
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// declarations are TypeScript files that hold types only.
var declarations = lazyregexp.New(`\.d\.[cm]?ts$`)

// Classify is what a file is, by the usual names of folders and files, and by
// its content where that is known.
func Classify(name string, content []byte) Class {
	if declarations.MatchString(name) {
		return Excluded
	}
	switch project.Classify(name, content) {
	case project.Source:
		return Source
	case project.Test:
		return Test
	}
	return Excluded
}
