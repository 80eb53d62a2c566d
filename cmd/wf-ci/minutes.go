package main

import (
	"strconv"
	"strings"
)

// runnerSKU is what GitHub bills a job as, by the labels of its runner. Without
// labels, which only GitHub's API tells, it is the standard runner of the
// system. A label that says nothing stands for itself: it has no price, and
// costs/prices knows none. standard says whether public repositories have it for
// nothing.
func runnerSKU(labels []string, system, arch, environment string) (sku string, standard bool) {
	if strings.EqualFold(environment, "self-hosted") {
		return "self-hosted", false
	}
	family, arm := strings.ToLower(system), strings.HasPrefix(strings.ToUpper(arch), "ARM")
	if len(labels) == 0 {
		return standardSKU(family, arm), true
	}
	for _, l := range labels {
		label := strings.ToLower(l)
		if label == "self-hosted" {
			return label, false
		}
		if sku, standard := labelSKU(label, arm); sku != "" {
			return sku, standard
		}
	}
	return strings.ToLower(labels[0]), false
}

func standardSKU(family string, arm bool) string {
	if arm && family != "macos" {
		return family + "-arm"
	}
	return family
}

// labelSKU reads a label such as ubuntu-24.04-arm or macos-15-xlarge; empty: it
// is none of GitHub's.
func labelSKU(label string, arm bool) (sku string, standard bool) {
	name, rest, _ := strings.Cut(label, "-")
	family := map[string]string{"ubuntu": "linux", "linux": "linux", "windows": "windows", "macos": "macos"}[name]
	switch {
	case family == "":
		return "", false
	case family == "macos":
		for _, size := range []string{"xlarge", "large"} {
			if strings.HasSuffix(rest, "-"+size) {
				return "macos-" + size, false
			}
		}
		return family, true
	case rest == "slim":
		return "linux-slim", true
	}
	sku = standardSKU(family, arm || strings.HasSuffix(rest, "-arm"))
	if n := cores(rest); n > 2 {
		return sku + "-" + strconv.Itoa(n), false
	}
	return sku, true
}

// cores is the size in the name of a larger runner, as in latest-8-cores or
// latest-16core; zero: it tells none.
func cores(name string) int {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' })
	for i, p := range parts {
		number, ok := strings.CutSuffix(strings.TrimSuffix(p, "s"), "core")
		if ok && number == "" && i > 0 {
			number = parts[i-1]
		}
		if n, err := strconv.Atoi(number); ok && err == nil && n < 1000 {
			return n
		}
	}
	return 0
}
