package report

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

// TestHTMLPolicy: the policy lets in the style that is there, and nothing asks
// for more.
func TestHTMLPolicy(t *testing.T) {
	page := render(t, HTML, fixture())
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if style == nil || policy == nil {
		t.Fatal("no style, or no policy")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	if got := html.UnescapeString(policy[1]); got != want {
		t.Errorf("policy %s\nwant   %s", got, want)
	}
	if m := regexp.MustCompile(`(?i)<(?:script|img|link|iframe|object|form)|\s(?:style|src|on[a-z]+)=`).FindString(mdStrip(page)); m != "" {
		t.Errorf("the page has %q", m)
	}
}

// mdStrip is a page without its text: tags only.
func mdStrip(page string) string {
	return strings.Join(regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1), "\n")
}

func TestHTMLEscapes(t *testing.T) {
	page := render(t, HTML, hostileVerdict("</code><script>x</script>", `"><img src=x>`, "</style><b>", "javascript:alert(1)"))
	for _, s := range []string{"<script", "<img", "</style><b>", `href="javascript`} {
		if strings.Contains(page, s) {
			t.Errorf("the page has %s", s)
		}
	}
}

func TestHTMLLimit(t *testing.T) {
	v := clean()
	for range htmlFindings + 3 {
		v.Gates[0].Findings = append(v.Gates[0].Findings, gates.Judged{Finding: gates.Finding{Rule: "r", Message: "m", Severity: gates.SeverityNote}})
	}
	page := render(t, HTML, v)
	if n := strings.Count(page, `class="state`); n != htmlFindings || !strings.Contains(page, "3 more: --output json") {
		t.Errorf("%d findings on the page", n)
	}
}
