package main

import (
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// keyed is a value that its name says is a secret; the redactor's rules ask for
// more of one than that.
var keyed = lazyregexp.New(`(?i)\b([\w-]*(?:passwo?r?d|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|pgpassword)[\w-]*["']?\s*[=: ]\s*["']?)([^\s"'&;,]+)`)

// bearer is what an HTTP header gives.
var bearer = lazyregexp.New(`(?i)\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}`)

// userinfo is a user and a password in a URL.
var userinfo = lazyregexp.New(`(\b[a-zA-Z][\w+.-]*://)[^/\s@"']*:[^/\s@"']*@`)

// mask takes secrets out of what was found on the machine: logs, command lines,
// statements. It errs on the side of taking too much.
func (a *app) mask(text string) string {
	text = a.redactor.Redact(text)
	text = userinfo.ReplaceAllString(text, "${1}[redacted]@")
	text = bearer.ReplaceAllString(text, "${1}[redacted]")
	return keyed.ReplaceAllString(text, "${1}[redacted]")
}

// given is keyed for what people write: commit messages and lists of tasks. There
// a name stands before a colon without a secret behind it ("fix token: refresh
// it"), which then has no digit in it.
var given = lazyregexp.New(`(?i)\b([\w-]*(?:passwo?r?d|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[\w-]*["']?\s*)(=\s*["']?[^\s"'&;,]{4,}|:\s*["']?[^\s"'&;,]*\d[^\s"'&;,]*)`)

// prose takes secrets out of what people write.
func (a *app) prose(text string) string {
	text = userinfo.ReplaceAllString(a.redactor.Redact(text), "${1}[redacted]@")
	text = bearer.ReplaceAllStringFunc(text, func(s string) string {
		if !strings.ContainsAny(s, "0123456789") {
			return s // basic understanding
		}
		return bearer.ReplaceAllString(s, "${1}[redacted]")
	})
	return given.ReplaceAllStringFunc(text, func(s string) string {
		at := strings.IndexAny(s, "=:")
		return s[:at+1] + "[redacted]"
	})
}
