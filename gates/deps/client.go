package deps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wf-ci/wf-ci/gates"
)

// DefaultAPI is where osv.dev answers.
const DefaultAPI = "https://api.osv.dev"

// Bounds of what a server may answer.
const (
	batchSize   = 1000 // the API's own limit
	batchLimit  = 64 << 20
	recordLimit = 32 << 20
	maxPages    = 100
	maxTries    = 4
)

// client asks osv.dev's API. It sends names and versions, and nothing else.
type client struct {
	base  string // without a slash at the end
	http  *http.Client
	cache gates.Cache // of records, by id and time of change; may be nil
	agent string
}

// shown is the server in messages: its address may hold a password.
func (c *client) shown() string {
	u, err := url.Parse(c.base)
	if err != nil {
		return "the OSV server"
	}
	return u.Host
}

type batchQuery struct {
	Package   apiPackage `json:"package"`
	Version   string     `json:"version"`
	PageToken string     `json:"page_token,omitempty"`
}

type apiPackage struct {
	Name      string    `json:"name"`
	Ecosystem Ecosystem `json:"ecosystem"`
}

type batchAnswer struct {
	Results []struct {
		Vulns []struct {
			ID       string `json:"id"`
			Modified string `json:"modified"`
		} `json:"vulns"`
		NextPageToken string `json:"next_page_token"`
	} `json:"results"`
}

// advisory is an id that the API named, and when it changed.
type advisory struct{ id, modified string }

func (c *client) match(ctx context.Context, list []id) (map[id][]*Record, error) {
	named := make(map[advisory][]id)
	for start := 0; start < len(list); start += batchSize {
		if err := c.batch(ctx, list[start:min(start+batchSize, len(list))], named); err != nil {
			return nil, err
		}
	}
	found := make(map[id][]*Record)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for a, packages := range named {
		g.Go(func() error {
			r, err := c.get(ctx, a)
			if err == nil && r == nil {
				err = fmt.Errorf("%s names %s, and does not know it", c.shown(), a.id)
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, p := range packages {
				found[p] = append(found[p], r)
			}
			return nil
		})
	}
	return found, g.Wait()
}

// batch asks about up to batchSize packages, page by page.
func (c *client) batch(ctx context.Context, list []id, named map[advisory][]id) error {
	type open struct {
		id    id
		token string
	}
	todo := make([]open, len(list))
	for i, p := range list {
		todo[i] = open{id: p}
	}
	for page := 0; len(todo) > 0; page++ {
		if page == maxPages {
			return fmt.Errorf("%s has more than %d pages for one question", c.shown(), maxPages)
		}
		queries := make([]batchQuery, len(todo))
		for i, o := range todo {
			queries[i] = batchQuery{apiPackage{o.id.name, o.id.ecosystem}, o.id.version, o.token}
		}
		body, err := json.Marshal(map[string]any{"queries": queries})
		if err != nil {
			return err
		}
		var answer batchAnswer
		if _, err := c.do(ctx, http.MethodPost, "/v1/querybatch", body, batchLimit, &answer); err != nil {
			return err
		}
		if len(answer.Results) != len(todo) {
			return fmt.Errorf("%s answered %d of %d questions", c.shown(), len(answer.Results), len(todo))
		}
		var next []open
		for i, r := range answer.Results {
			for _, v := range r.Vulns {
				a := advisory{v.ID, v.Modified}
				named[a] = append(named[a], todo[i].id)
			}
			if r.NextPageToken != "" {
				next = append(next, open{todo[i].id, r.NextPageToken})
			}
		}
		todo = next
	}
	return nil
}

func (c *client) record(ctx context.Context, _ Ecosystem, name string) (*Record, error) {
	return c.get(ctx, advisory{id: name})
}

// get is a record; nil where the API knows none. What the API named with the
// time of its last change is kept under both.
func (c *client) get(ctx context.Context, a advisory) (*Record, error) {
	key := "osv/1 " + c.base + " " + a.id + " " + a.modified
	if c.cache != nil && a.modified != "" {
		if data, ok := c.cache.Get(key); ok {
			r := &Record{}
			if json.Unmarshal(data, r) == nil && r.ID == a.id {
				return r, nil
			}
		}
	}
	r := &Record{}
	status, err := c.do(ctx, http.MethodGet, "/v1/vulns/"+url.PathEscape(a.id), nil, recordLimit, r)
	if status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.ID != a.id {
		return nil, fmt.Errorf("%s gave %.60q where %.60q was asked for", c.shown(), r.ID, a.id)
	}
	if c.cache != nil && a.modified != "" {
		if data, err := json.Marshal(r); err == nil {
			_ = c.cache.Put(key, data) // a cache that cannot be written costs time only
		}
	}
	return r, nil
}

// do asks once, and again where the server is busy or unwell, until the context
// ends. It gives the status of the last answer.
func (c *client) do(ctx context.Context, method, path string, body []byte, limit int64, into any) (status int, err error) {
	wait := 200 * time.Millisecond
	for try := 1; ; try++ {
		var again time.Duration
		status, again, err = c.once(ctx, method, path, body, limit, into)
		if err == nil || try == maxTries || again < 0 {
			return status, err
		}
		select {
		case <-ctx.Done():
			return status, err
		case <-time.After(max(wait, again)):
		}
		wait *= 3
	}
}

// once is one request. The duration is how long to wait before the next; less
// than zero: the next would end the same.
func (c *client) once(ctx context.Context, method, path string, body []byte, limit int64, into any) (int, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, -1, errors.New("the address of the OSV server is not one")
	}
	req.Header.Set("User-Agent", c.agent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, 0, cleanURLError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s%s: %s", c.shown(), path, res.Status)
		if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
			seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
			return res.StatusCode, min(time.Duration(max(seconds, 0))*time.Second, 10*time.Second), err
		}
		return res.StatusCode, -1, err
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return 0, 0, fmt.Errorf("read %s%s: %w", c.shown(), path, err)
	}
	if int64(len(data)) > limit {
		return 0, -1, fmt.Errorf("%s%s: more than %d MiB", c.shown(), path, limit>>20)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return 0, -1, fmt.Errorf("%s%s: not the answer of an OSV server: %w", c.shown(), path, err)
	}
	return res.StatusCode, 0, nil
}

// cleanURLError takes what differs from run to run out of an error: the port that
// a connection came from.
func cleanURLError(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	host := u.URL
	if parsed, perr := url.Parse(u.URL); perr == nil {
		host = parsed.Host
	}
	switch text := u.Err.Error(); {
	case u.Timeout():
		return fmt.Errorf("%s does not answer in time", host)
	case strings.Contains(text, "connection refused"):
		return fmt.Errorf("%s refuses the connection", host)
	case strings.Contains(text, "no such host"), strings.Contains(text, "server misbehaving"):
		return fmt.Errorf("%s is not found in the DNS", host)
	default:
		return fmt.Errorf("%s cannot be reached: %w", host, u.Err)
	}
}
