package prices

import (
	"strings"
	"time"
)

// runners are GitHub's hosted runners: pico-dollars a minute, each job rounded
// up to a whole one. Prices since 2026-01-01, and linux before that day.
// (docs.github.com, "Actions runner pricing", read 2026-11.)
var runners = map[string]Rate{
	"linux-slim": 2_000_000_000, "linux": 6_000_000_000, "windows": 10_000_000_000, "macos": 62_000_000_000,
	"linux-4": 12_000_000_000, "linux-8": 22_000_000_000, "linux-16": 42_000_000_000, "linux-32": 82_000_000_000, "linux-64": 162_000_000_000, "linux-96": 252_000_000_000,
	"windows-4": 22_000_000_000, "windows-8": 42_000_000_000, "windows-16": 82_000_000_000, "windows-32": 162_000_000_000, "windows-64": 322_000_000_000, "windows-96": 552_000_000_000,
	"linux-arm": 5_000_000_000, "linux-arm-4": 8_000_000_000, "linux-arm-8": 14_000_000_000, "linux-arm-16": 26_000_000_000, "linux-arm-32": 50_000_000_000, "linux-arm-64": 98_000_000_000,
	"windows-arm": 8_000_000_000, "windows-arm-4": 14_000_000_000, "windows-arm-8": 26_000_000_000, "windows-arm-16": 50_000_000_000, "windows-arm-32": 98_000_000_000, "windows-arm-64": 194_000_000_000,
	"macos-large": 77_000_000_000, "macos-xlarge": 102_000_000_000,
	"linux-gpu": 52_000_000_000, "windows-gpu": 102_000_000_000,
}

const (
	runnersSince  = "2026-01-01"
	linuxOld      = Rate(8_000_000_000)
	runnersSource = "docs.github.com, Actions runner pricing, 2026-11"
)

// Runner is the price of a minute on a GitHub-hosted runner ("linux",
// "linux-arm-4", "macos-large"; an own one, "self-hosted", costs GitHub nothing).
func Runner(sku string, at time.Time) (Row, bool) {
	sku = strings.ToLower(sku)
	row := Row{Provider: "github-actions", Model: sku, Since: runnersSince, Source: runnersSource}
	rate, ok := runners[sku]
	if sku == "self-hosted" {
		rate, ok = 0, true
	}
	if !ok {
		return Row{}, false
	}
	if at.UTC().Format(time.DateOnly) < runnersSince {
		if sku != "linux" {
			return Row{}, false // what the others cost then is not in this table
		}
		rate, row.Since = linuxOld, ""
	}
	row.Rates = map[string]Rate{Minutes: rate}
	return row, true
}
