package probe

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Target{
		"example.com":            {"example.com", 443, "https", "/"},
		"example.com:80":         {"example.com", 80, "http", "/"},
		"example.com:8443":       {"example.com", 8443, "https", "/"},
		"http://example.com/x?y": {"example.com", 80, "http", "/x?y"},
		"tcp://db:5432":          {"db", 5432, "tcp", "/"},
		"::1":                    {"::1", 443, "https", "/"},
		"[::1]:8080":             {"::1", 8080, "https", "/"},
	} {
		if got, err := Parse(in); err != nil || got.Host != want.Host || got.Port != want.Port || got.Scheme != want.Scheme {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "tcp://db", "ftp://x:1", "x:0", "x:99999", "https://me:pw@x", "a b"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func prober(roots *x509.CertPool) *Prober {
	return &Prober{Now: time.Now, Timeout: 5 * time.Second, WarnFor: 14, Roots: roots}
}

func look(t *testing.T, p *Prober, at string) *Result {
	t.Helper()
	target, err := Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return p.Look(context.Background(), target)
}

func TestLook(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())

	r := look(t, prober(roots), s.URL)
	if len(r.Problems) != 0 || r.DNS == nil || len(r.TCP) != 1 || !r.TLS.Trusted || r.TLS.Days < 100 || r.HTTP.Status != 200 || r.HTTP.FirstByte <= 0 {
		t.Errorf("%+v, %+v, %+v", r, r.TLS, r.HTTP)
	}
	r = look(t, prober(x509.NewCertPool()), s.URL)
	if len(r.Problems) != 1 || r.TLS.Trusted || !strings.Contains(r.TLS.Why, "unknown authority") || r.HTTP != nil {
		t.Errorf("%+v, %+v", r, r.TLS)
	}
	p := prober(roots)
	p.Now = func() time.Time { return s.Certificate().NotAfter.Add(time.Hour) }
	if r = look(t, p, s.URL); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "expired") {
		t.Errorf("%+v", r)
	}
	p.Now = func() time.Time { return s.Certificate().NotAfter.Add(-25 * time.Hour) }
	if r = look(t, p, s.URL); len(r.Problems) == 0 || !strings.Contains(r.Problems[0], "1 more days") {
		t.Errorf("%+v", r)
	}
	status = 503
	if r = look(t, prober(roots), s.URL); len(r.Problems) != 1 || r.HTTP.Status != 503 {
		t.Errorf("%+v", r)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	if r := look(t, prober(nil), "tcp://"+at); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "refused") {
		t.Errorf("%+v", r)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("example.com:80")
	f.Fuzz(func(t *testing.T, s string) {
		if target, err := Parse(s); err == nil && (target.Host == "" || target.Port < 1 || target.Port > 65535) {
			t.Fatalf("%+v", target)
		}
	})
}
