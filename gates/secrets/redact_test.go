package secrets

import (
	"strings"
	"sync"
	"testing"
)

func TestRedact(t *testing.T) {
	key, token := awsKey(1), githubToken(2)
	low := "gh" + "p_" + strings.Repeat("ab", 18) // too regular for gitleaks
	r := NewRedactor()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"git: exit status 1: fatal: not a git repository", "git: exit status 1: fatal: not a git repository"},
		{"AWS access token (aws-access-token): remove it and rotate the key", "AWS access token (aws-access-token): remove it and rotate the key"},
		{"key " + key + " twice " + key + "\n", "key REDACTED twice REDACTED\n"},
		{"x" + token + key, "xREDACTED"},
		{"a " + token + "\nb " + low, "a REDACTED\nb REDACTED"},
		{"enc='" + base64Of("the key is "+key) + "' end", "enc='REDACTED' end"},
		{"x\nenc='" + base64Of("the key is "+key) + "' end", "x\nenc='REDACTED' end"},
		{"fatal: unable to access 'https://me:pa55@example.com/x.git/'", "fatal: unable to access 'https://me:REDACTED@example.com/x.git/'"},
		{"https://" + strings.Repeat("x", 30) + "@example.com/", "https://REDACTED@example.com/"},
		{"ssh://git@example.com:22/x see https://example.com:8080/a@v1", "ssh://git@example.com:22/x see https://example.com:8080/a@v1"},
		{"Authorization: Basic eA==", "Authorization: Basic REDACTED"},
		{`{"authorization": "short"}`, `{"authorization": "REDACTED"}`},
		{"curl -H 'authorization: bearer abc'", "curl -H 'authorization: bearer REDACTED'"},
		{"Bearer abc1 then", "Bearer REDACTED then"},
		{"bearer authentication failed", "bearer authentication failed"},
		{"mail to a@example.com", "mail to a@example.com"},
	} {
		if got := r.Redact(tt.in); got != tt.want {
			t.Errorf("Redact(%q)\n got %q\nwant %q", tt.in, got, tt.want)
		}
		if got := r.Redact(r.Redact(tt.in)); got != r.Redact(tt.in) {
			t.Errorf("Redact(%q) twice is %q", tt.in, got)
		}
	}
}

// Whatever the rules find, the redactor takes out: its short cuts leave out
// nothing.
func TestRedactTakesOutWhatTheRulesFind(t *testing.T) {
	rules := builtin()
	r := NewRedactor()
	n := 0
	for _, s := range samples(t, 7, 3) {
		text := "cannot run: " + s + "\n"
		hits, err := rules.scan(ctx, fragment{line: 1, text: text})
		if err != nil {
			t.Fatal(err)
		}
		clean := r.Redact(text)
		for _, h := range hits {
			n++
			if strings.Contains(clean, h.secret) {
				t.Errorf("%s: %q is left in %q", h.rule, h.secret, clean)
			}
		}
	}
	if n < 400 {
		t.Errorf("only %d secrets tried", n)
	}
}

func TestRedactorIsLazyAndConcurrent(t *testing.T) {
	r := NewRedactor()
	ordinary := "coverage 81.25% is below 85%: internal/git/patch.go:12: func parse is too complex (12 > 10)"
	if r.Redact(ordinary) != ordinary || r.scanner != nil {
		t.Error("an ordinary message needed the rules")
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if got := r.Redact("key " + awsKey(uint64(i))); got != "key REDACTED" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}

func TestRedactAsksTheRulesOnlyWhereTheyCouldMatch(t *testing.T) {
	r := NewRedactor()
	r.prepare()
	for text, want := range map[string]bool{
		"CVE-2026-12345 in golang.org/x/text v0.14.0: update to v0.22.0": false,
		"the token abc123":        true,
		"f00dfeed f00dfeedf00dfe": false,
		"f00dfeedf00dfeedf00dfe":  true, // may be encoded
		"%41%42":                  true,
	} {
		if got := r.needsRules(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("", "", uint64(1))
	f.Add("fatal: https://u:", "@host/", uint64(2))
	f.Add("\nx = \"", "\"\r\n", uint64(3))
	f.Add("Authorization: Bearer ", "\xff", uint64(4))
	f.Add("%41%4b", "%49", uint64(5))
	r := NewRedactor()
	f.Fuzz(func(t *testing.T, before, after string, seed uint64) {
		if len(before)+len(after) > 4096 {
			return
		}
		r.Redact(before + after)
		// Found wherever it stands, also glued to other text.
		token := githubToken(seed)
		if got := r.Redact(before + token + after); strings.Contains(got, token[4:]) {
			t.Errorf("%q + token + %q: %q", before, after, got)
		}
		// Found by the rules, which want it on its own.
		key := awsKey(seed)
		if entropyOK(builtin(), key) {
			if got := r.Redact(before + "\n" + key + "\n" + after); strings.Contains(got, key) {
				t.Errorf("%q + key + %q: %q", before, after, got)
			}
		}
	})
}

// entropyOK says whether the rules take a text for a secret on its own.
func entropyOK(r *rules, s string) bool {
	hits, err := r.scan(ctx, fragment{line: 1, text: "\n" + s + "\n"})
	return err == nil && len(hits) > 0
}

func BenchmarkRedactOrdinary(b *testing.B) {
	r := NewRedactor()
	for b.Loop() {
		r.Redact("coverage 81.25% is below 85%: internal/git/patch.go:12: func parse is too complex (12 > 10)")
	}
}

func BenchmarkRedactWithID(b *testing.B) {
	r := NewRedactor()
	for b.Loop() {
		r.Redact("CVE-2026-12345 in golang.org/x/text v0.14.0: update to v0.22.0")
	}
}

func BenchmarkRedactSecret(b *testing.B) {
	r := NewRedactor()
	text := "the token is " + githubToken(1) + " and the key " + awsKey(2)
	for b.Loop() {
		r.Redact(text)
	}
}
