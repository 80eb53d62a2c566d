// Package probe looks at a host as a client would: its addresses, its port, its
// certificate, and how long it takes to answer.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is what is looked at.
type Target struct {
	Host   string // a name or an address
	Port   int
	Scheme string // https, http or tcp
	Path   string // of the request
}

// Parse reads HOST, HOST:PORT or a URL. A host alone is asked over https.
func Parse(s string) (Target, error) {
	bare := !strings.Contains(s, "://")
	u, err := url.Parse(asURL(s))
	if err != nil || u.Hostname() == "" {
		return Target{}, errors.New("want a host, HOST:PORT, or an http, https or tcp URL")
	}
	t := Target{Host: u.Hostname(), Scheme: u.Scheme, Path: u.RequestURI()}
	if u.User != nil {
		return t, errors.New("a URL with a user in it: leave the user out")
	}
	if t.Port, err = portOf(u); err != nil {
		return t, err
	}
	if bare && t.Port == 80 {
		t.Scheme = "http"
	}
	if !slices.Contains([]string{"https", "http", "tcp"}, t.Scheme) {
		return t, fmt.Errorf("scheme %q: want http, https or tcp", t.Scheme)
	}
	return t, nil
}

// asURL gives a host its scheme, and an address of IPv6 its brackets.
func asURL(s string) string {
	switch {
	case strings.Contains(s, "://"):
		return s
	case strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "["):
		return "https://[" + s + "]"
	}
	return "https://" + s
}

// portOf is the port that a URL names, or that of its scheme.
func portOf(u *url.URL) (int, error) {
	if u.Port() == "" {
		if port := map[string]int{"https": 443, "http": 80}[u.Scheme]; port != 0 {
			return port, nil
		}
		return 0, fmt.Errorf("%s has no port of its own: HOST:PORT", u.Scheme)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 {
		return 0, errors.New("a port is a number from 1 to 65535")
	}
	return port, nil
}

// Result is what was seen. What is nil was not reached.
type Result struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	DNS  *DNS   `json:"dns"`
	TCP  []TCP  `json:"tcp"`
	TLS  *TLS   `json:"tls"`
	HTTP *HTTP  `json:"http"`
	// Problems are what is wrong, in order; none: all is well.
	Problems []string `json:"problems"`
}

// DNS is the answer to the name.
type DNS struct {
	Addresses []string `json:"addresses"`
	MS        float64  `json:"ms"`
}

// TCP is one address that was connected to.
type TCP struct {
	Address string  `json:"address"`
	MS      float64 `json:"ms"`
	Error   string  `json:"error,omitempty"`
}

// TLS is the handshake, and the certificate.
type TLS struct {
	Version   string    `json:"version"`
	MS        float64   `json:"ms"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Days      int       `json:"days_left"`
	Names     []string  `json:"names"`
	Trusted   bool      `json:"trusted"`
	Why       string    `json:"why,omitempty"` // it is not
}

// HTTP is the answer to one request.
type HTTP struct {
	Status    int     `json:"status"`
	FirstByte float64 `json:"first_byte_ms"`
	Total     float64 `json:"total_ms"`
}

// Prober looks at hosts.
type Prober struct {
	Now     func() time.Time // Required.
	Timeout time.Duration    // of each step. Required.
	WarnFor int              // days of a certificate that are too few
	Roots   *x509.CertPool   // nil: the system's
}

// Look looks at a host, step by step, until one does not work.
func (p *Prober) Look(ctx context.Context, t Target) *Result {
	r := &Result{Host: t.Host, Port: t.Port, TCP: []TCP{}, Problems: []string{}}
	steps := []func(context.Context, Target, *Result) bool{p.dns, p.tcp}
	if t.Scheme == "https" {
		steps = append(steps, p.tls)
	}
	if t.Scheme != "tcp" {
		steps = append(steps, p.http)
	}
	for _, step := range steps {
		inner, cancel := context.WithTimeout(ctx, p.Timeout)
		ok := step(inner, t, r)
		cancel()
		if !ok {
			break
		}
	}
	return r
}

func (r *Result) problem(format string, args ...any) bool {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	return false
}

func (p *Prober) since(start time.Time) float64 {
	return float64(p.Now().Sub(start).Microseconds()) / 1000
}

func (p *Prober) dns(ctx context.Context, t Target, r *Result) bool {
	start := p.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, t.Host)
	if err != nil {
		return r.problem("DNS: %v", err)
	}
	r.DNS = &DNS{Addresses: addresses, MS: p.since(start)}
	return true
}

// tcp connects to every address: one that does not answer is a problem, also
// where another does.
func (p *Prober) tcp(ctx context.Context, t Target, r *Result) bool {
	up := false
	for _, a := range r.DNS.Addresses[:min(len(r.DNS.Addresses), 16)] {
		start := p.Now()
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(a, strconv.Itoa(t.Port)))
		one := TCP{Address: a, MS: p.since(start)}
		if err != nil {
			one.Error = cause(err)
			r.problem("TCP: %s port %d: %s", a, t.Port, one.Error)
		} else {
			up = true
			_ = c.Close() // nothing was written
		}
		r.TCP = append(r.TCP, one)
	}
	return up
}

func cause(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// tls looks at the certificate whether it is trusted or not, and says which.
func (p *Prober) tls(ctx context.Context, t Target, r *Result) bool {
	start := p.Now()
	d := tls.Dialer{Config: &tls.Config{ServerName: t.Host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}} //nolint:gosec // verified below; nothing is sent
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(t.Host, strconv.Itoa(t.Port)))
	if err != nil {
		return r.problem("TLS: %s", cause(err))
	}
	defer c.Close()
	state := c.(*tls.Conn).ConnectionState()
	leaf := state.PeerCertificates[0]
	r.TLS = &TLS{
		Version: tls.VersionName(state.Version), MS: p.since(start), Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), Names: append([]string{}, leaf.DNSNames...),
		Days: int(leaf.NotAfter.Sub(p.Now()).Hours() / 24), Trusted: true,
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: t.Host, Intermediates: between, Roots: p.Roots, CurrentTime: p.Now()}); err != nil {
		r.TLS.Trusted, r.TLS.Why = false, err.Error()
		return r.problem("TLS: %v", err)
	}
	if r.TLS.Days < p.WarnFor {
		r.problem("TLS: the certificate is valid for %d more days only", r.TLS.Days)
	}
	return true
}

func (p *Prober) http(ctx context.Context, t Target, r *Result) bool {
	var first time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { first = p.Now() }})
	u := fmt.Sprintf("%s://%s%s", t.Scheme, net.JoinHostPort(t.Host, strconv.Itoa(t.Port)), t.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return r.problem("HTTP: %v", err)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: p.Roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	start := p.Now()
	resp, err := client.Do(req)
	if err != nil {
		return r.problem("HTTP: %s", cause(err))
	}
	_ = resp.Body.Close()
	r.HTTP = &HTTP{Status: resp.StatusCode, FirstByte: float64(first.Sub(start).Microseconds()) / 1000, Total: p.since(start)}
	if resp.StatusCode >= 500 {
		return r.problem("HTTP: status %d", resp.StatusCode)
	}
	return true
}
