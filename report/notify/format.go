package notify

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// What the two services take, from their documentation; what is longer is
// refused as a whole. Lengths are counted in UTF-16 units, the larger of the two
// ways to count characters.
//
// Slack: docs.slack.dev/reference/block-kit/blocks (header 150; section 3,000,
// 10 fields of 2,000; 50 blocks a message).
//
// Discord: docs.discord.com/developers/resources/message#embed-object-embed-limits
// (title 256; description 4,096; 25 fields of 256 and 1,024; 6,000 in all).
const (
	slackHeader, slackSection, slackField       = 150, 3000, 2000
	slackFields, slackBlocks                    = 10, 50
	discordTitle, discordText, discordFieldName = 256, 4096, 256
	discordValue, discordFields, discordAll     = 1024, 25, 6000
)

// encode is the message as the hook takes it.
func (h Hook) encode(m Message) ([]byte, error) {
	m = m.tidy()
	switch h.Kind {
	case Slack:
		return json.Marshal(slackOf(m))
	case Discord:
		return json.Marshal(discordOf(m))
	}
	return json.Marshal(struct {
		Schema string `json:"schema"`
		Message
	}{"wf-ci/message/v1", m})
}

// tidy takes out what no text needs and what none of the formats may lack.
func (m Message) tidy() Message {
	m.Title = oneLine(m.Title)
	if m.Title == "" {
		m.Title = "wf-ci"
	}
	m.Text = strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(m.Text, "�")))
	facts := []Fact{}
	for _, f := range m.Facts {
		f = Fact{oneLine(f.Name), strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(f.Value, "�")))}
		if f.Name != "" && f.Value != "" {
			facts = append(facts, f)
		}
	}
	m.Facts = facts
	return m
}

func printable(r rune) rune {
	if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
		return -1
	}
	return r
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(printable, strings.ToValidUTF8(s, "�"))), " ")
}

// size is a text's length in UTF-16 units.
func size(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut gives as much of a text as fits when each of its characters is escaped,
// with an ellipsis where some is missing. No escape is cut in two.
func cut(s string, limit int, escape func(rune) string) string {
	var b strings.Builder
	used, fits, whole := 0, 0, true
	for _, r := range s {
		e := escape(r)
		if used += size(e); used > limit {
			whole = false
			break
		}
		b.WriteString(e)
		if used < limit { // one is left for the ellipsis
			fits = b.Len()
		}
	}
	if whole {
		return b.String()
	}
	return b.String()[:fits] + "…"
}

func plain(r rune) string { return string(r) }

// slackText escapes the three characters that make mentions, links and entities.
func slackText(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

// discordMarkup escapes what makes markup, mentions, links and emoji.
func discordMarkup(r rune) string {
	if strings.ContainsRune("\\*_~`|>#-[]()<@:", r) {
		return "\\" + string(r)
	}
	return string(r)
}

// colors are those of an embed, by status.
func (m Message) color() int {
	return map[string]int{"pass": 0x2DA44E, "fail": 0xCF222E, "inconclusive": 0xBF8700}[m.Status]
}

// mark says the status where there are no colors.
func (m Message) mark() string {
	return map[string]string{"pass": "✅ ", "fail": "❌ ", "inconclusive": "⚠️ "}[m.Status]
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
