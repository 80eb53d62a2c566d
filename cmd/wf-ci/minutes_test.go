package main

import (
	"strings"
	"testing"
)

func TestRunnerSKU(t *testing.T) {
	for in, want := range map[string]string{
		"|Linux|X64|github-hosted":                             "linux true",
		"|Linux|ARM64|github-hosted":                           "linux-arm true",
		"|Windows|X64|":                                        "windows true",
		"|macOS|ARM64|":                                        "macos true",
		"|Linux|X64|self-hosted":                               "self-hosted false",
		"ubuntu-latest|Linux|X64|":                             "linux true",
		"ubuntu-24.04-arm|Linux|ARM64|":                        "linux-arm true",
		"ubuntu-slim|Linux|X64|":                               "linux-slim true",
		"ubuntu-latest-8-cores|Linux|X64|":                     "linux-8 false",
		"ubuntu-22.04-16core|Linux|X64|":                       "linux-16 false",
		"windows-2022|Windows|X64|":                            "windows true",
		"windows-11-arm|Windows|ARM64|":                        "windows-arm true",
		"macos-15-xlarge|macOS|ARM64|":                         "macos-xlarge false",
		"macos-14-large|macOS|X64|":                            "macos-large false",
		"self-hosted,Linux,X64|Linux|X64|":                     "self-hosted false",
		"Our-Big-One|Linux|X64|":                               "our-big-one false",
		"ubuntu-latest|Linux|X64|self-hosted":                  "self-hosted false",
		"ubuntu-99999999999999999999-cores-8-cores|Linux|X64|": "linux-8 false",
	} {
		f := strings.Split(in, "|")
		var labels []string
		if f[0] != "" {
			labels = strings.Split(f[0], ",")
		}
		sku, standard := runnerSKU(labels, f[1], f[2], f[3])
		if got := sku + map[bool]string{true: " true", false: " false"}[standard]; got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
