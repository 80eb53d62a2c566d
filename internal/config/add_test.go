package config

import (
	"strings"
	"testing"
)

var added = []Noted{
	{Waiver{"secrets", "ab12", "made up", "@ana", "2027-01-31"}, "a.go:3 generic-api-key"},
	{Waiver{"sast", "cd", `"quoted": # and é`, "Ana <ana@example.com>", "2027-01-31"}, "b\nc.go\x1b: x"},
}

const addedLines = `  # a.go:3 generic-api-key
  - {gate: secrets, fingerprint: "ab12", reason: "made up", owner: "@ana", expires: 2027-01-31}
  # b?c.go?: x
  - {gate: sast, fingerprint: "cd", reason: "\"quoted\": # and é", owner: "Ana <ana@example.com>", expires: 2027-01-31}
`

func TestAddWaivers(t *testing.T) {
	one := "{gate: lint, fingerprint: x, reason: r, owner: o, expires: 2026-01-01}\n"
	for name, c := range map[string]struct{ before, want string }{
		"nothing":           {"", "waivers:\n" + addedLines},
		"comments only":     {"# a\n", "# a\n\nwaivers:\n" + addedLines},
		"other keys":        {"timeout: 5m", "timeout: 5m\n\nwaivers:\n" + addedLines},
		"the last key":      {"timeout: 5m\nwaivers:\n  - " + one + "\n", "timeout: 5m\nwaivers:\n  - " + one + addedLines + "\n"},
		"between keys":      {"waivers:\n  - " + one + "\n# of the time\ntimeout: 5m\n", "waivers:\n  - " + one + addedLines + "\n# of the time\ntimeout: 5m\n"},
		"no indent":         {"waivers:\n- " + one, "waivers:\n- " + one + strings.ReplaceAll(addedLines, "  ", "")},
		"blocks":            {"waivers:\n  - gate: lint\n    fingerprint: x\n    reason: >-\n      r\n      s\n    owner: o\n    expires: 2026-01-01\n", ""},
		"no newline at end": {"waivers:\n  - " + strings.TrimSpace(one), "waivers:\n  - " + one + addedLines},
	} {
		got, err := AddWaivers(".wf-ci.yml", []byte(c.before), added)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := c.want
		if want == "" {
			want = c.before + addedLines
		}
		if string(got) != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestAddWaiversRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"not valid":   {"gates: {coverge: {min: 1}}\n", "unknown gate"},
		"in braces":   {"{timeout: 5m}\n", "in braces"},
		"in brackets": {"waivers: [{gate: lint, fingerprint: x, reason: r, owner: o, expires: 2026-01-01}]\n", "in brackets"},
		"there twice": {"waivers:\n  - {gate: secrets, fingerprint: ab12, reason: r, owner: o, expires: 2026-01-01}\n", "no configuration any more"},
		// What looks like a comment is the end of the reason.
		"in a text": {"waivers:\n  - gate: lint\n    fingerprint: x\n    owner: o\n    expires: 2026-01-01\n    reason: >-\n      r\n      # s\n", "not found"},
	} {
		got, err := AddWaivers(".wf-ci.yml", []byte(c.text), added)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q; got\n%s", name, err, c.want, got)
		}
	}
}

func FuzzAddWaivers(f *testing.F) {
	f.Add("timeout: 5m\nwaivers:\n  - {gate: a, fingerprint: b, reason: c, owner: d, expires: 2026-01-01}\n# x\n")
	f.Add("a: |\n  b\n#c")
	f.Fuzz(func(t *testing.T, text string) {
		before, err := Parse("x", []byte(text))
		if err != nil {
			return
		}
		got, err := AddWaivers("x", []byte(text), added)
		if err != nil {
			return
		}
		after, err := Parse("x", got)
		if err != nil || len(after.Waivers) != len(before.Waivers)+len(added) || after.Timeout != before.Timeout {
			t.Errorf("%q became %q: %v", text, got, err)
		}
	})
}
