// Package flag turns a feature off, or moves it in steps while somebody watches
// the error rate. The service that keeps the flags is anybody's: README.md of
// package rollback says what it has to answer.
//
// The service's address and token are secrets. They are in no error, no result
// and no text of this package, and are sent to no other place than that:
// redirects are not followed, and nothing of an answer is quoted.
package flag

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	tries   = 3
	oneTry  = 10 * time.Second
	between = 2 * time.Second
	// answerLimit is how much of an answer is read.
	answerLimit = 1 << 20
)

// Client speaks to the service about one flag.
type Client struct {
	Transport http.RoundTripper                          // Required.
	Sleep     func(context.Context, time.Duration) error // Required.
	Method    string                                     // that sets it: PUT or PATCH. Required.
	Field     string                                     // of the JSON object, with the percentage. Required.
	Token     string                                     // for "Authorization: Bearer"; empty: none

	url string
}

// At sets the address of the flag: {flag} in the template stands for its name.
// The error does not hold the address.
func (c *Client) At(template, name string) error {
	if name == "" || strings.ContainsAny(name, "\x00\r\n") {
		return errors.New("the flag has no name")
	}
	if !strings.Contains(template, "{flag}") {
		return errors.New("the address has no {flag} in it, where the flag's name goes")
	}
	address, err := Address(strings.ReplaceAll(template, "{flag}", url.PathEscape(name)))
	c.url = address
	return err
}

// Digest tells one service from another without naming it.
func (c *Client) Digest() string {
	sum := sha256.Sum256([]byte(c.url))
	return hex.EncodeToString(sum[:])
}

// Address checks an address: https, or http on this machine. The error does not
// hold it.
func Address(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil || u.Host == "":
		return "", errors.New("the address is no URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return "", errors.New("the address does not begin with https://")
	case u.User != nil:
		return "", errors.New("the address holds a user name")
	}
	return u.String(), nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Get is the percentage of users who have the feature.
func (c *Client) Get(ctx context.Context) (int, error) {
	data, err := c.ask(ctx, http.MethodGet, nil)
	if err != nil {
		return 0, fmt.Errorf("read the flag: %w", err)
	}
	n, err := percentage(data, c.Field)
	if err != nil {
		return 0, fmt.Errorf("read the flag: %w", err)
	}
	return n, nil
}

// percentage is the flag's own part of an answer.
func percentage(data []byte, field string) (int, error) {
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, errors.New("the answer is no JSON object")
	}
	var n float64
	if raw, ok := answer[field]; !ok {
		return 0, fmt.Errorf("the answer has no %q", field)
	} else if err := json.Unmarshal(raw, &n); err != nil || string(raw) == "null" {
		return 0, fmt.Errorf("%q of the answer is no number", field)
	}
	if n < 0 || n > 100 || n != float64(int(n)) {
		return 0, fmt.Errorf("%q of the answer is %g: want a whole number from 0 to 100", field, n)
	}
	return int(n), nil
}

// Set moves the flag, and reads it again: only what is there counts.
func (c *Client) Set(ctx context.Context, to int) error {
	body, err := json.Marshal(map[string]int{c.Field: to})
	if err != nil {
		return err
	}
	if _, err := c.ask(ctx, c.Method, body); err != nil {
		return fmt.Errorf("set the flag to %d %%: %w", to, err)
	}
	for try := 1; ; try++ {
		got, err := c.Get(ctx)
		switch {
		case err == nil && got == to:
			return nil
		case err == nil:
			err = fmt.Errorf("it says %d %% all the same", got)
		}
		if try == tries {
			return fmt.Errorf("set the flag to %d %%: %w", to, err)
		}
		if err := c.Sleep(ctx, between); err != nil {
			return err
		}
	}
}

// ask sends a request until it is answered, or there is no point any more. All
// requests here may be sent twice.
func (c *Client) ask(ctx context.Context, method string, body []byte) ([]byte, error) {
	for try := 1; ; try++ {
		data, again, err := c.try(ctx, method, body)
		if err == nil || !again || try == tries {
			return data, err
		}
		if err := c.Sleep(ctx, between); err != nil {
			return nil, err
		}
	}
}

func (c *Client) try(ctx context.Context, method string, body []byte) (data []byte, again bool, err error) {
	limited, cancel := context.WithTimeout(ctx, oneTry)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, method, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, false, errors.New("the address is no URL")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "wf-ci")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, true, why(ctx, err)
	}
	defer res.Body.Close()
	data, err = io.ReadAll(io.LimitReader(res.Body, answerLimit+1))
	if again, err := verdict(res.StatusCode); err != nil {
		return nil, again, err
	}
	if err == nil && len(data) > answerLimit {
		return nil, false, fmt.Errorf("the answer is larger than %d KB", answerLimit>>10)
	}
	if err != nil {
		err = why(ctx, err)
	}
	return data, true, err
}

// verdict is what a status means.
func verdict(code int) (again bool, err error) {
	switch {
	case code >= 200 && code < 300:
		return false, nil
	case code >= 300 && code < 400:
		return false, fmt.Errorf("the service sends us elsewhere (%d), where we do not go", code)
	case code == 401 || code == 403:
		return false, fmt.Errorf("the service refuses the token (%d)", code)
	case code == 404:
		return false, errors.New("the service knows no such flag (404)")
	case code == 429 || code >= 500:
		return true, fmt.Errorf("the service is in trouble (%d)", code)
	}
	return false, fmt.Errorf("the service refuses the request (%d)", code)
}

// why says in our own words why there was no answer: those of net/http hold the
// address.
func why(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the service did not answer in time")
	}
	return errors.New("the service cannot be reached")
}

// Fetch reads an address of metrics with a plain GET, no token and one try.
func Fetch(ctx context.Context, transport http.RoundTripper, address string) ([]byte, error) {
	c := &Client{Transport: transport, url: address}
	data, _, err := c.try(ctx, http.MethodGet, nil)
	return data, err
}
