package notify

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const token = "T0KEN-that-nobody-may-see"

// chat is a server of ours that answers with these, in turn; the last one again.
func chat(t *testing.T, kind Kind, answers ...func(http.ResponseWriter)) (Sender, *[]time.Duration, *[]string) {
	t.Helper()
	var (
		turn   sync.Mutex // a request that is broken off may overlap the next one
		bodies []string
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var doc map[string]any
		if err := json.NewDecoder(r.Body).Decode(&doc); err != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != "POST" {
			t.Errorf("%s %s: %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		data, _ := json.Marshal(doc)
		turn.Lock()
		n := len(bodies)
		bodies = append(bodies, string(data))
		turn.Unlock()
		answers[min(n, len(answers)-1)](w)
	}))
	t.Cleanup(server.Close)
	hook, err := NewHook(kind, server.URL+"/services/"+token)
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	return Sender{
		Hooks: []Hook{hook}, Transport: http.DefaultTransport,
		Wait: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
	}, &waits, &bodies
}

func code(n int, header, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if key, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(key, value)
		}
		w.WriteHeader(n)
		fmt.Fprint(w, body)
	}
}

func TestSend(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []func(http.ResponseWriter)
		tries   int
		waits   string
		err     string
	}{
		{"arrives", []func(http.ResponseWriter){code(200, "", "ok")}, 1, "[]", ""},
		{"discord's 204", []func(http.ResponseWriter){code(204, "", "")}, 1, "[]", ""},
		{"limited, in the header", []func(http.ResponseWriter){code(429, "Retry-After: 3", ""), code(200, "", "")}, 2, "[3s]", ""},
		{"limited, in the answer", []func(http.ResponseWriter){code(429, "Retry-After: 3", `{"retry_after": 0.25}`), code(204, "", "")}, 2, "[250ms]", ""},
		{"limited for an hour", []func(http.ResponseWriter){code(429, "Retry-After: 3600", "")}, 1, "[]", "no more messages for now (429); it asks to wait for 1h0m0s, which is too long"},
		{"limited for ever", []func(http.ResponseWriter){code(429, "Retry-After: 1e300", "")}, 1, "[]", "24h0m0s"},
		{"nonsense", []func(http.ResponseWriter){code(429, "Retry-After: -5", `{"retry_after": "x"}`), code(200, "", "")}, 2, "[1s]", ""},
		{"trouble", []func(http.ResponseWriter){code(503, "", "x"), code(500, "", ""), code(200, "", "")}, 3, "[1s 2s]", ""},
		{"trouble for ever", []func(http.ResponseWriter){code(502, "", token)}, 4, "[1s 2s 4s]", "in trouble (502)"},
		{"gone", []func(http.ResponseWriter){code(404, "", token)}, 1, "[]", "no such webhook"},
		{"refused", []func(http.ResponseWriter){code(400, "", token)}, 1, "[]", "refuses the message (400)"},
		{"elsewhere", []func(http.ResponseWriter){code(302, "Location: http://127.0.0.1:1/", "")}, 1, "[]", "elsewhere (302)"},
		{"breaks off", []func(http.ResponseWriter){func(http.ResponseWriter) { panic(http.ErrAbortHandler) }}, 4, "[1s 2s 4s]", "broke off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sender, waits, _ := chat(t, Slack, tc.answers...)
			d := sender.Send(t.Context(), Message{Title: "End of day"})[0]
			if d.Tries != tc.tries || fmt.Sprint(*waits) != tc.waits {
				t.Errorf("%d tries, waited %v", d.Tries, *waits)
			}
			if got := fmt.Sprint(d.Err); (d.Err == nil) != (tc.err == "") || !strings.Contains(got, tc.err) {
				t.Errorf("error %q, want %q", got, tc.err)
			}
			if text := fmt.Sprintf("%v %+v %#v %s", d, sender, sender.Hooks, d.Err); strings.Contains(text, token) || strings.Contains(text, "127.0.0.1") {
				t.Errorf("the address is shown: %s", text)
			}
		})
	}
}

// failing is a transport that never gets an answer.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// No answer at all: each reason in words that hold no address.
func TestNoAnswer(t *testing.T) {
	broken := map[string]http.RoundTripper{
		"http://127.0.0.1:1/":           http.DefaultTransport,
		"https://no-such-host.invalid/": failing{&net.DNSError{Err: "no such host", Name: "no-such-host.invalid"}},
		"https://late.invalid/":         failing{context.DeadlineExceeded},
		"https://forged.invalid/":       failing{&tls.CertificateVerificationError{Err: errors.New("late.invalid")}},
	}
	for address, transport := range broken {
		hook, err := NewHook(JSON, address+token)
		if err != nil {
			t.Fatal(err)
		}
		s := Sender{Hooks: []Hook{hook}, Transport: transport, Wait: func(context.Context, time.Duration) error { return nil }}
		d := s.Send(t.Context(), Message{Title: "x"})[0]
		if d.Err == nil || strings.Contains(d.Err.Error(), token) || strings.Contains(d.Err.Error(), "invalid") || strings.Contains(d.Err.Error(), "127") {
			t.Errorf("%s: %v", address, d.Err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sender, _, bodies := chat(t, Slack, code(200, "", ""))
	if d := sender.Send(ctx, Message{Title: "x"})[0]; d.Err == nil || len(*bodies) != 0 {
		t.Errorf("interrupted: %v, %d sent", d.Err, len(*bodies))
	}
}

func TestNewHookRefuses(t *testing.T) {
	for _, address := range []string{
		"", token, "http://example.com/" + token, "ftp://example.com/" + token, "https://u:" + token + "@example.com/", "https:///" + token, "://" + token, "https://exa mple.com/" + token, "https://example.com/%zz" + token,
	} {
		_, err := NewHook(Slack, address)
		if err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := NewHook("teams", "https://example.com"); err == nil {
		t.Error("an unknown kind")
	}
}

// All at once: one that fails holds up nobody.
func TestSendTellsAll(t *testing.T) {
	a, _, first := chat(t, Slack, code(404, "", ""))
	b, _, second := chat(t, Discord, code(204, "", ""))
	a.Hooks = append(a.Hooks, b.Hooks...)
	got := a.Send(t.Context(), Message{Title: "x"})
	if got[0].Err == nil || got[1].Err != nil || got[1].Kind != Discord || len(*first) != 1 || len(*second) != 1 {
		t.Errorf("%+v", got)
	}
	if out := (Sender{}).Send(t.Context(), Message{}); len(out) != 0 {
		t.Errorf("no hooks: %v", out)
	}
}

// checkSlack holds a message against what Slack documents.
func checkSlack(data []byte) error {
	var m struct {
		Text      *string
		Parse     string
		LinkNames bool `json:"link_names"`
		Blocks    []struct {
			Type     string
			Text     *slackObj
			Fields   []*slackObj
			Elements []*slackObj
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if m.Text == nil || *m.Text == "" || size(*m.Text) > 4000 || m.Parse != "none" || m.LinkNames || len(m.Blocks) < 1 || len(m.Blocks) > 50 {
		return fmt.Errorf("message: %s", data)
	}
	text := func(o *slackObj, kind string, limit int) error {
		if o == nil || o.Type != kind || o.Text == "" || size(o.Text) > limit || (kind == "mrkdwn") != (o.Verbatim != nil && *o.Verbatim) || strings.ContainsAny(o.Text, "<>") {
			return fmt.Errorf("text object %+v, want %s of at most %d", o, kind, limit)
		}
		rest := o.Text
		for _, e := range []string{"&amp;", "&lt;", "&gt;"} {
			rest = strings.ReplaceAll(rest, e, "")
		}
		if strings.Contains(rest, "&") {
			return fmt.Errorf("a bare ampersand, or a cut escape: %s", o.Text)
		}
		return nil
	}
	for i, b := range m.Blocks {
		var errs []error
		switch {
		case b.Type == "header" && i == 0:
			errs = append(errs, text(b.Text, "plain_text", 150))
		case b.Type == "section" && b.Text != nil:
			errs = append(errs, text(b.Text, "mrkdwn", 3000))
		case b.Type == "section" && len(b.Fields) >= 1 && len(b.Fields) <= 10:
			for _, f := range b.Fields {
				errs = append(errs, text(f, "mrkdwn", 2000))
			}
		case b.Type == "context" && len(b.Elements) == 1:
			errs = append(errs, text(b.Elements[0], "mrkdwn", 3000))
		default:
			return fmt.Errorf("block %d is %+v", i, b)
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// checkDiscord holds a message against what Discord documents.
func checkDiscord(data []byte) error {
	var m struct {
		Embeds          []discordEmbed
		AllowedMentions struct{ Parse []string } `json:"allowed_mentions"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if len(m.Embeds) != 1 || m.AllowedMentions.Parse == nil || len(m.AllowedMentions.Parse) != 0 {
		return fmt.Errorf("message: %s", data)
	}
	e := m.Embeds[0]
	sum := size(e.Title) + size(e.Description)
	if e.Title == "" || size(e.Title) > 256 || size(e.Description) > 4096 || len(e.Fields) > 25 || e.Color < 0 || e.Color > 0xFFFFFF {
		return fmt.Errorf("embed: %+v", e)
	}
	for _, f := range e.Fields {
		if f.Name == "" || size(f.Name) > 256 || f.Value == "" || size(f.Value) > 1024 {
			return fmt.Errorf("field %d, %d", size(f.Name), size(f.Value))
		}
		sum += size(f.Name) + size(f.Value)
	}
	if sum > 6000 {
		return fmt.Errorf("%d in all", sum)
	}
	if e.Timestamp != "" {
		if _, err := time.Parse(time.RFC3339, e.Timestamp); err != nil {
			return err
		}
	}
	return nil
}

func check(m Message) error {
	for kind, fn := range map[Kind]func([]byte) error{Slack: checkSlack, Discord: checkDiscord} {
		data, err := Hook{Kind: kind}.encode(m)
		if err == nil {
			err = fn(data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func TestFormatsKeepTheLimits(t *testing.T) {
	long := strings.Repeat("<&> @everyone 😀*", 2000)
	many := slices.Repeat([]Fact{{long[:1999], long[:2999]}}, 700)
	for name, m := range map[string]Message{
		"short":   {Title: "End of day: shop", Status: "pass", Text: "done", Facts: []Fact{{"Tests", "12 of 12"}}, At: time.Unix(1e9, 0)},
		"empty":   {},
		"blank":   {Title: " \n\x00", Text: "\u202e\n ", Facts: []Fact{{"", "x"}, {"x", " "}}},
		"long":    {Title: long, Text: long, Status: "fail", Facts: many, At: time.Unix(1e9, 0)},
		"escapes": {Title: strings.Repeat("&", 40), Text: strings.Repeat("&", 601), Facts: []Fact{{strings.Repeat("<", 38), strings.Repeat(">", 501)}}},
		"bytes":   {Title: "caf\xe9", Text: "\xff\xfe", Facts: []Fact{{"\xff", "\xff"}}},
	} {
		if err := check(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingIsAMention(t *testing.T) {
	m := Message{Title: "<!channel> *x*", Text: "<@U123> @everyone [x](https://x.example) `a`", Facts: []Fact{{"_a_", "<#C1|x>"}}}
	slack, _ := Hook{Kind: Slack}.encode(m)
	discord, _ := Hook{Kind: Discord}.encode(m)
	for _, want := range []string{`\u0026lt;!channel\u0026gt; *x*`, `"parse":"none"`, `\u0026lt;#C1|x\u0026gt;`} {
		if !strings.Contains(string(slack), want) {
			t.Errorf("slack lacks %s: %s", want, slack)
		}
	}
	for _, want := range []string{`\\\u003c\\@U123\u003e`, `\\@everyone`, `\\[x\\]\\(`, `"allowed_mentions":{"parse":[]}`} {
		if !strings.Contains(strings.ReplaceAll(string(discord), `\\\u003e`, `\u003e`), want) {
			t.Errorf("discord lacks %s: %s", want, discord)
		}
	}
}

// A program gets it as it is: the texts whole, the facts a list.
func TestJSON(t *testing.T) {
	data, err := Hook{Kind: JSON}.encode(Message{Title: "t", Text: strings.Repeat("x", 9000)})
	var m struct {
		Schema, Title, Text string
		Facts               []Fact
	}
	if err != nil || json.Unmarshal(data, &m) != nil || m.Schema != "wf-ci/message/v1" || len(m.Text) != 9000 || m.Facts == nil {
		t.Errorf("%s %v", data, err)
	}
}

func FuzzFormats(f *testing.F) {
	f.Add("End of day", "text", "Tests", "12 of 12", 3)
	f.Add(strings.Repeat("&", 149), "<!here>", "\xff", strings.Repeat("😀", 1100), 60)
	f.Fuzz(func(t *testing.T, title, text, name, value string, n int) {
		m := Message{Title: title, Text: text, Status: "inconclusive", Facts: slices.Repeat([]Fact{{name, value}}, max(0, n%80))}
		if err := check(m); err != nil {
			t.Error(err)
		}
	})
}
