package main

import (
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
