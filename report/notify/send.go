package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// Patience is how long all of it may take.
	Patience = 30 * time.Second
	tries    = 4
	oneTry   = 10 * time.Second
	// answerLimit is how much of an answer is read.
	answerLimit = 64 << 10
)

// deliver sends a message until it has arrived, or there is no point any more.
// A server that breaks off may have taken it: it is then told twice, rather
// than not at all.
func (s Sender) deliver(ctx context.Context, h Hook, m Message) Delivery {
	d := Delivery{Kind: h.Kind}
	body, err := h.encode(m)
	if err != nil {
		d.Err = err
		return d
	}
	for {
		d.Tries++
		again, err := s.try(ctx, h, body)
		if d.Err = err; err == nil || again < 0 || d.Tries == tries {
			return d
		}
		if again == 0 {
			again = time.Second << (d.Tries - 1)
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < again {
			d.Err = fmt.Errorf("%w; it asks to wait for %s, which is too long", err, again.Round(time.Second))
			return d
		}
		if err := s.wait(ctx, again); err != nil {
			return d
		}
	}
}

func (s Sender) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try sends once. again is how long to wait before the next try: negative, there
// is no point; zero, nobody said.
func (s Sender) try(ctx context.Context, h Hook, body []byte) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return -1, errors.New("the address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "wf-ci")
	client := http.Client{Transport: s.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, why(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, answerLimit)) // the status has said all that counts
	return verdict(res, answer)
}

// verdict is what an answer means. Nothing of its text is shown: a server may
// say the address in it.
func verdict(res *http.Response, answer []byte) (again time.Duration, err error) {
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return -1, nil
	case code == http.StatusTooManyRequests:
		return retryAfter(res.Header, answer), errors.New("the server takes no more messages for now (429)")
	case code >= 500:
		return retryAfter(res.Header, nil), fmt.Errorf("the server is in trouble (%d)", code)
	case code >= 300 && code < 400:
		return -1, fmt.Errorf("the server wants it sent elsewhere (%d), which is not done", code)
	case code == 401 || code == 403 || code == 404 || code == 410:
		return -1, fmt.Errorf("the server knows no such webhook, or it is switched off (%d): make a new one", code)
	default:
		return -1, fmt.Errorf("the server refuses the message (%d)", code)
	}
}

// retryAfter is how long a server asks to wait: in seconds, in its header, or in
// Discord's answer, which is more exact. Zero: it does not say.
func retryAfter(header http.Header, answer []byte) time.Duration {
	var discord struct {
		RetryAfter float64 `json:"retry_after"`
	}
	if json.Unmarshal(answer, &discord) == nil && discord.RetryAfter > 0 {
		return seconds(discord.RetryAfter)
	}
	if n, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && n > 0 {
		return seconds(n)
	}
	return 0
}

// seconds is a duration, bounded by a day.
func seconds(n float64) time.Duration {
	return time.Duration(math.Ceil(math.Min(n, 86400)*1000)) * time.Millisecond
}

// why says in our own words why there was no answer: those of net/http hold the
// address, or the host in it.
func why(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the server did not answer in time")
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &dns):
		return errors.New("the server's name is not known, or there is no network")
	case errors.As(err, &cert):
		return errors.New("the server's certificate is not good")
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("the server takes no connection")
	}
	return errors.New("the connection broke off")
}
