package github

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxAnswer   = 16 << 20 // bytes of an answer that are read
	maxAttempts = 4        // of one request
	firstWait   = 500 * time.Millisecond
	// GitHub asks for at least a minute after a secondary limit that names no
	// time (docs, rate-limits-for-the-rest-api).
	secondaryWait = time.Minute
)

// transport is how every request goes out. It adds the token, for GitHub's own
// host alone, repeats what GitHub turned away for now, and bounds what comes
// back. go-github v60 knows no 429 and repeats nothing.
type transport struct {
	next  http.RoundTripper
	to    string // scheme and host: where the token may go
	token string
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu   sync.Mutex
	down error // why GitHub cannot be asked any more; nil: it can
}

// errDown says that GitHub cannot be asked for now.
type errDown struct{ why string }

func (e errDown) Error() string { return e.why }

// repeatable marks requests that do no harm when they are made twice, in their
// context: those may be repeated although GitHub may have carried them out.
type repeatable struct{}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if to := origin(req.URL); to != t.to { // the same host in the clear is another one
		return nil, fmt.Errorf("GitHub sent us to another host, %q", to)
	}
	t.mu.Lock()
	down := t.down
	t.mu.Unlock()
	if down != nil {
		return nil, down
	}
	harmless := req.Method == http.MethodGet || req.Context().Value(repeatable{}) != nil
	for attempt := 1; ; attempt++ {
		res, err := t.once(req)
		if ctxErr := req.Context().Err(); ctxErr != nil {
			return nil, errors.Join(ctxErr, t.closed(res))
		}
		wait, why := t.verdict(res, err, attempt)
		processed := err != nil || res.StatusCode >= 500 // or may have been
		switch {
		case why == "":
			return res, err
		case processed && !harmless:
			return res, err
		case attempt == maxAttempts, !t.fits(req.Context(), wait):
			_ = t.closed(res)
			return nil, t.giveUp(why)
		}
		_ = t.closed(res)
		if err := t.sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// origin is where a request goes, and how.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

func (t *transport) closed(res *http.Response) error {
	if res == nil {
		return nil
	}
	return res.Body.Close()
}

// giveUp keeps all later requests from waiting for the same in vain.
func (t *transport) giveUp(why string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = errDown{why}
	return t.down
}

// revive lets requests through again: time has passed.
func (t *transport) revive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = nil
}

// fits says whether there is time to wait, and to ask once more.
func (t *transport) fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || t.now().Add(wait).Before(deadline)
}

// once makes the request with the token, and reads the answer, bounded.
func (t *transport) once(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	if t.token != "" {
		out.Header.Set("Authorization", "Bearer "+t.token)
	}
	res, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	_ = res.Body.Close()
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("an answer larger than %d MB", maxAnswer>>20)
	}
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(data))
	return res, nil
}

// verdict says how long to wait before the request is made again, and why; no
// reason: the answer stands.
func (t *transport) verdict(res *http.Response, err error, attempt int) (wait time.Duration, why string) {
	backoff := firstWait << (attempt - 1)
	backoff += rand.N(backoff / 2)
	switch {
	case err != nil:
		return backoff, "GitHub cannot be reached: " + plainNetwork(err)
	case res.StatusCode >= 500:
		if named, ok := retryAfter(res, t.now()); ok {
			backoff = named
		}
		return backoff, fmt.Sprintf("GitHub answers %d", res.StatusCode)
	case res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests:
		t.forgetLimits(res)
		return 0, ""
	}
	wait, limited := t.limit(res)
	if !limited {
		t.forgetLimits(res)
		return 0, ""
	}
	return wait, fmt.Sprintf("GitHub's rate limit is reached (%d), for %s more", res.StatusCode, wait.Round(time.Second))
}

// limit tells a rate limit, the primary or a secondary one, from a refusal; both
// come as 403 and as 429.
func (t *transport) limit(res *http.Response) (time.Duration, bool) {
	if wait, ok := retryAfter(res, t.now()); ok {
		return wait, true
	}
	if res.Header.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Unix(reset, 0).Sub(t.now()), 0) + time.Second, true
		}
	}
	if res.StatusCode == http.StatusTooManyRequests {
		return secondaryWait, true
	}
	data, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(data))
	text := strings.ToLower(string(data))
	if strings.Contains(text, "secondary rate limit") || strings.Contains(text, "abuse detection") {
		return secondaryWait, true
	}
	return 0, false
}

func retryAfter(res *http.Response, now time.Time) (time.Duration, bool) {
	text := res.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}

// forgetLimits hides the limits from go-github, which refuses requests by itself
// when the last answer said that none is left. Waiting is decided here.
func (t *transport) forgetLimits(res *http.Response) {
	for _, h := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
		res.Header.Del(h)
	}
}

// plainNetwork is a network's error without addresses that say nothing.
func plainNetwork(err error) string {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return "its certificate is of an unknown authority; name the file of that authority's certificate in SSL_CERT_FILE, in the step's `env:`"
	}
	return err.Error()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
