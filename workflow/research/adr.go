package research

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// numbered is the name of a decision record: 0007-title.md, ADR-007-title.md.
var numbered = lazyregexp.New(`(?i)^(adr-)?(\d{1,6})[-_. ].*\.md$`)

// NextADR is the name of the next record, in the way that those which are there
// are written. A number is never used again.
func NextADR(names []string, title string) (name string, number int) {
	prefix, width := "ADR-", 3
	for _, n := range names {
		m := numbered.FindStringSubmatch(n)
		if m == nil {
			continue
		}
		if v, err := strconv.Atoi(m[2]); err == nil && v >= number {
			number, prefix, width = v, m[1], len(m[2])
		}
	}
	number++
	return fmt.Sprintf("%s%0*d-%s.md", prefix, width, number, Slug(title)), number
}

// ADR is a decision record.
type ADR struct {
	Number            int
	Title, Status     string
	Context, Decision string
	Consequences      []string
	At                time.Time
}

// Statuses of a decision record.
func Statuses() []string {
	return []string{"proposed", "accepted", "rejected", "deprecated", "superseded"}
}

// Render is the record as Markdown.
func (a ADR) Render() string {
	or := func(s string) string {
		if s = cell(s); s == "" {
			return "_to be written_"
		}
		return s
	}
	text := "_to be written_\n"
	if len(a.Consequences) > 0 {
		text = bullets(a.Consequences)
	}
	return fmt.Sprintf("# ADR-%03d: %s\n\nDate: %s\n\n## Status\n\n%s\n\n## Context\n\n%s\n\n## Decision\n\n%s\n\n## Consequences\n\n%s",
		a.Number, cell(a.Title), a.At.UTC().Format("2006-01-02"), strings.ToUpper(a.Status[:1])+a.Status[1:], or(a.Context), or(a.Decision), text)
}

// Slug is a topic as a file name. A topic that loses more than spaces gets a few
// characters of its hash, so that C++ and C# are two.
func Slug(topic string) string {
	var b strings.Builder
	lost := false
	for _, r := range strings.ToLower(strings.TrimSpace(topic)) {
		switch {
		case b.Len() > 60:
			lost = true
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			lost = lost || r != ' ' && r != '-'
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
				b.WriteByte('-')
			}
		}
	}
	slug := strings.Trim(b.String(), "-")
	switch {
	case slug == "":
		return CacheKey(topic)[:8]
	case lost:
		return slug + "-" + CacheKey(topic)[:6]
	}
	return slug
}

// CacheKey is the name of a topic's earlier research below
// ~/.claude/research-cache: the hash that the reference's script makes of it. It
// keeps nothing safe; it names a file.
func CacheKey(topic string) string {
	sum := md5.Sum([]byte(topic + "\n"))
	return hex.EncodeToString(sum[:])
}
