package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/ci"
)

// categoryLength bounds a category: it is part of names.
const categoryLength = 100

// category tells a run from others of the same commit, so that none takes the
// place of another: what the workflow says, else the directory that is looked at
// and the values of the matrix. Empty: there is one run.
func category(in ci.Inputs) string {
	if in.Category != "" {
		return bounded(harmless(in.Category))
	}
	var parts []string
	if dir := filepath.ToSlash(filepath.Clean(in.WorkingDirectory)); in.WorkingDirectory != "" && dir != "." && filepath.IsLocal(dir) {
		parts = append(parts, harmless(dir))
		if len(in.Matrix) == 1 && (in.Matrix[0] == dir || in.Matrix[0] == path.Base(dir)) {
			return bounded(parts[0]) // the directory is the matrix
		}
	}
	for _, value := range in.Matrix {
		part := harmless(value)
		if strings.Contains(part, ",") { // stands between them
			part = strings.ReplaceAll(part, ",", "_") + "-" + digestOf(value)
		}
		parts = append(parts, part)
	}
	return bounded(strings.Join(parts, ","))
}

// harmless is a value as a part of a name. Where characters are lost, and not
// only blanks, a digest keeps it apart from others of which the same is left.
func harmless(value string) string {
	value = strings.TrimSpace(value)
	out := strings.Trim(strings.Map(categoryRune, value), "/")
	if strings.ReplaceAll(value, " ", "_") != out {
		out += "-" + digestOf(value)
	}
	return out
}

func bounded(name string) string {
	if len(name) <= categoryLength {
		return name
	}
	return name[:categoryLength-9] + "-" + digestOf(name)
}

func digestOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:4])
}

// categoryRune keeps a part harmless in the name of a check.
func categoryRune(r rune) rune {
	if r > ' ' && r < 0x7f && !strings.ContainsRune("\"'<>`@#\\|", r) {
		return r
	}
	return '_'
}
