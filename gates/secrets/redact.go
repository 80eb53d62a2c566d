package secrets

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const redacted = "REDACTED"

// Redactor takes secrets out of texts that are going to be shown. It is safe
// for concurrent use.
type Redactor struct {
	load func() *rules
	once sync.Once
	// keywords are those of the rules, in lower case; nil: there is a rule
	// without any.
	keywords []string
	scanner  scanner
}

// NewRedactor is a redactor with gitleaks' own rules. They are read when a
// text first needs them.
func NewRedactor() *Redactor { return &Redactor{load: builtin} }

// Redact replaces every secret in a text. It costs next to nothing where no
// part of the text can be one, and is meant for texts of up to some 64 KiB.
func (r *Redactor) Redact(text string) string {
	if !suspicious(text) {
		return text
	}
	text = redactForms(text)
	if !suspicious(text) {
		return text
	}
	r.once.Do(r.prepare)
	// A secret can hide another one from the rules: look again.
	for range 4 {
		if !r.needsRules(text) {
			return text
		}
		hits, err := r.scanner.scan(context.Background(), fragment{line: 1, text: text})
		if err != nil {
			return redacted
		}
		if len(hits) == 0 {
			return text
		}
		text = redactHits(text, hits)
	}
	return text
}

func (r *Redactor) prepare() {
	rules := r.load()
	r.scanner = rules.scanner
	for _, rule := range rules.Rules.Rules {
		if rule.Path != "" && !matches(rule.Path, "") {
			continue // never matches a text that is in no file
		}
		if len(rule.Keywords) == 0 {
			r.keywords = nil
			return
		}
		r.keywords = append(r.keywords, rule.Keywords...)
	}
	slices.Sort(r.keywords)
	r.keywords = slices.Compact(r.keywords)
}

// matches is for expressions that are known to compile.
func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

// needsRules says whether a rule could match: its keyword is there, or a
// stretch that may be an encoded text.
func (r *Redactor) needsRules(text string) bool {
	if r.keywords == nil || longest(text) >= encodedLength || strings.Contains(text, "%") {
		return true
	}
	lower := strings.ToLower(text)
	return slices.ContainsFunc(r.keywords, func(k string) bool { return strings.Contains(lower, k) })
}

// encodedLength is the shortest text that gitleaks decodes.
const encodedLength = 16

// secretLength is the shortest stretch of letters and digits that is looked at
// more closely.
const secretLength = 6

// suspicious says whether a text may hold a secret: a long stretch without
// blanks, a short one of both letters and digits, or words that come with one.
func suspicious(text string) bool {
	run, digit, letter := 0, false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letter = true
		case c == '_' || c == '-' || c == '+' || c == '=' || c == '%' || c == '\\':
		default:
			run, digit, letter = 0, false, false
			continue
		}
		run++
		if run >= encodedLength || run >= secretLength && digit && letter {
			return true
		}
	}
	lower := strings.ToLower(text)
	return slices.ContainsFunc([]string{"@", "authorization", "bearer", "curl"},
		func(s string) bool { return strings.Contains(lower, s) })
}

// longest is the longest stretch that could be base64 or hexadecimal.
func longest(text string) int {
	best, run := 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(`_-+/\`, c) >= 0 {
			run++
			best = max(best, run)
		} else {
			run = 0
		}
	}
	return best
}

// form is a shape in which credentials are written whatever they look like.
type form struct{ pattern, replace string }

var forms = []form{
	// The password of a URL, and a long user name: a token.
	{`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#"'<>:@]*:)[^\s/?#"'<>]+@`, `${1}` + redacted + `@`},
	{`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#"'<>:@]{20,}@`, `${1}` + redacted + `@`},
	{`(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{16,}`, redacted},
	{`(?i)(\bauthorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|digest|negotiate|token)\s+)?)[^\s"',;]+`, `${1}` + redacted},
	{`(?i)(\bbearer\s+)(?:[A-Za-z._~+/=-]{0,19}[0-9][A-Za-z0-9._~+/=-]*|[A-Za-z0-9._~+/=-]{20,})`, `${1}` + redacted},
}

var compiledForms = sync.OnceValue(func() []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, f := range forms {
		out = append(out, regexp.MustCompile(f.pattern))
	}
	return out
})

func redactForms(text string) string {
	for i, re := range compiledForms() {
		text = re.ReplaceAllString(text, forms[i].replace)
	}
	return text
}

// redactHits replaces the secrets that were found, wherever they are, and the
// places of those that were encoded.
func redactHits(text string, hits []hit) string {
	type span struct{ from, to int }
	var spans []span
	for _, h := range hits {
		if h.secret != "" && strings.Contains(text, h.secret) {
			for at := 0; ; {
				i := strings.Index(text[at:], h.secret)
				if i < 0 {
					break
				}
				spans = append(spans, span{at + i, at + i + len(h.secret)})
				at += i + 1
			}
			continue
		}
		p := locate(fragment{line: 1, text: text}, h)
		if p.end == 0 { // not known: to the end of the line
			p.end = p.start + len(text[p.start:])
			if i := strings.IndexByte(text[p.start:], '\n'); i >= 0 {
				p.end = p.start + i
			}
		}
		spans = append(spans, span{p.start, p.end})
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, s := range spans {
		if s.from > at || at == 0 {
			b.WriteString(text[at:max(at, s.from)])
			b.WriteString(redacted)
		}
		at = max(at, s.to)
	}
	b.WriteString(text[at:])
	return b.String()
}
