package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/report"
)

// costsPricesCmd is about the price table.
type costsPricesCmd struct {
	Show costsPricesShowCmd `cmd:"" default:"withargs" help:"Show the prices of a model, or all."`
	Diff costsPricesDiffCmd `cmd:"" help:"Compare with a list that was written before (wf-ci costs prices --json): status 1 where they differ."`
}

// costsPricesShowCmd shows prices.
type costsPricesShowCmd struct {
	ledgerFlags
	Model string `arg:"" optional:"" help:"A model or a thing, by any name that record takes. Default: all that there are."`
}

func (c *costsPricesShowCmd) Run(ctx context.Context, a *app) error {
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	list := b.table.List()
	if c.Model != "" {
		if list = b.history(c.Model); len(list) == 0 {
			return usagef("%s: nobody has a price for it; costs/prices.json takes prices of your own", report.Visible(c.Model))
		}
	}
	if c.JSON {
		return writeJSON(a.rawOut, list)
	}
	for _, l := range list {
		fmt.Fprintln(a.stdout, report.Visible(priceLine(l)))
	}
	if c.Model == "" {
		fmt.Fprintf(a.stdout, "%d prices; a model that is not here has none, and is not free\n", len(list))
	}
	return nil
}

// history are the prices of a model over time, or those of a runner.
func (b *books) history(name string) []prices.Listed {
	if list := b.table.History(name, b.at); len(list) > 0 {
		return list
	}
	if row, ok := prices.Runner(name, b.at); ok {
		return []prices.Listed{{Provider: row.Provider, Model: row.Model, Since: row.Since, Source: row.Source,
			Units: map[string][]prices.Tier{prices.Minutes: {{Rate: row.Rates[prices.Minutes]}}}}}
	}
	return nil
}

// priceLine is a price for people.
func priceLine(l prices.Listed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s", l.Provider, l.Model)
	if l.Since != "" {
		b.WriteString(" since " + l.Since)
	}
	if l.From != "" {
		fmt.Fprintf(&b, " from %s to %s", l.From, l.To)
	}
	b.WriteByte(':')
	for i, unit := range slices.Sorted(maps.Keys(l.Units)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + unit)
		for _, t := range l.Units[unit] {
			if t.Above > 0 {
				fmt.Fprintf(&b, " (above %d tokens:", t.Above)
			}
			b.WriteString(" " + t.Rate.In(unit))
			if t.Above > 0 {
				b.WriteByte(')')
			}
		}
	}
	return b.String() + " · " + l.Source
}

// costsPricesDiffCmd compares price lists.
type costsPricesDiffCmd struct {
	ledgerFlags
	Old     string `arg:"" optional:"" name:"file" help:"The list that was written before: wf-ci costs prices --json >FILE."`
	From    string `placeholder:"FILE|URL" help:"The prices of genai-prices as they are now: its data.json, as a file or at an https address."`
	Offline bool   `help:"Use no network."`
}

func (c *costsPricesDiffCmd) Run(ctx context.Context, a *app) error {
	if (c.Old == "") == (c.From == "") {
		return usagef("give either a FILE that wf-ci costs prices --json wrote, or --from the data.json of genai-prices (%s)", genaiPrices)
	}
	b, done, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	var diff []prices.Difference
	if c.From != "" {
		diff, err = c.upstream(ctx, a, b.table)
	} else {
		diff, err = c.before(a, b.table)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(a.rawOut, append([]prices.Difference{}, diff...))
	} else {
		err = c.print(a, diff)
	}
	if err == nil && len(diff) > 0 {
		return refused{}
	}
	return err
}

// before compares a list that was written before with the table.
func (c *costsPricesDiffCmd) before(a *app, table *prices.Table) ([]prices.Difference, error) {
	data, err := os.ReadFile(inside(a.dir, c.Old))
	if err != nil {
		return nil, usageError{err.Error()}
	}
	var old []prices.Listed
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, usagef("%s: %v; want what wf-ci costs prices --json writes", c.Old, err)
	}
	if len(old) == 0 || old[0].Units == nil {
		return nil, usagef("%s: no prices in it; want what wf-ci costs prices --json writes (the data.json of genai-prices goes with --from)", c.Old)
	}
	return prices.Diff(old, table.List()), nil
}

// genaiPrices is where the newest prices are.
const genaiPrices = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json"

// upstream compares the part of the table that is from genai-prices with what
// genai-prices says now.
func (c *costsPricesDiffCmd) upstream(ctx context.Context, a *app, table *prices.Table) ([]prices.Difference, error) {
	data, err := c.fetch(ctx, a)
	if err != nil {
		return nil, err
	}
	list, err := prices.ParseUpstream(c.From, data)
	if err != nil {
		return nil, usagef("%s: %v; want the data.json of genai-prices (%s)", report.Visible(c.From), err, genaiPrices)
	}
	return prices.Diff(table.Vendored(), list), nil
}

// upstreamLimit is more than a list of prices takes, in bytes, and upstreamWait
// longer than it takes to come.
const (
	upstreamLimit = 32 << 20
	upstreamWait  = time.Minute
)

func (c *costsPricesDiffCmd) fetch(ctx context.Context, a *app) ([]byte, error) {
	if !strings.Contains(c.From, "://") {
		data, err := readLimited(inside(a.dir, c.From))
		if err != nil {
			return nil, usageError{err.Error()}
		}
		return data, nil
	}
	if c.Offline {
		return nil, usagef("--offline, and --from is an address: give the file")
	}
	if u, err := url.Parse(c.From); err != nil || !private(u) {
		return nil, usageError{"--from: want a file, or an address that begins with https:// and has no user in it"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, upstreamWait, fmt.Errorf("gave up after %s", upstreamWait))
	defer cancel()
	data, err := get(ctx, c.From)
	if err != nil {
		return nil, undecided{fmt.Errorf("read the prices: %w; a file will do, too", err)}
	}
	return data, nil
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// private says whether nobody on the way can write what comes from an address;
// this machine's own is one. With a user in it, it would be read otherwise than it
// looks, and a password would be in messages.
func private(u *url.URL) bool {
	return u.User == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1")
}

// redirect is asked before each one that is followed.
func redirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 5:
		return errors.New("redirected too often")
	case !private(to.URL) || via[0].URL.Scheme == "https" && to.URL.Scheme != "https":
		return errors.New("redirected to an address that is not https://")
	}
	return nil
}

func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "wf-ci/"+version)
	client := httpClient()
	client.CheckRedirect = redirect
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, res.Status)
	}
	return readAll(res.Body)
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, upstreamLimit+1))
	if err == nil && len(data) > upstreamLimit {
		err = fmt.Errorf("above %d MiB", upstreamLimit>>20)
	}
	return data, err
}

func (c *costsPricesDiffCmd) print(a *app, diff []prices.Difference) error {
	var changed, gone, added int
	for _, d := range diff {
		switch {
		case d.Old.Model == "":
			added++
		case d.New.Model == "":
			gone++
		default:
			changed++
		}
		if d.Old.Model != "" {
			fmt.Fprintln(a.stdout, report.Visible("- "+priceLine(d.Old)))
		}
		if d.New.Model != "" {
			fmt.Fprintln(a.stdout, report.Visible("+ "+priceLine(d.New)))
		}
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %d changed, %d new, %d gone\n", plural(len(diff), "difference"), changed, added, gone)
	return err
}
