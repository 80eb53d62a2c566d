// Package ci is what the CI platform says, and what is said to it: the event
// and what it asks to compare ([ReadEvent], [Resolve]), the inputs of the action
// ([ReadInputs]), and the log, the annotations, the outputs and the summary,
// made so that nothing in a scanned file can speak in our name ([Writer],
// [Commands], [Output], [Summary]).
//
// The environment comes in as a function, never from the process: a run in a
// test, on a laptop and in a container differ in nothing else. What GitHub does
// is taken from its documentation and from the source of actions/runner v2.336.0,
// named where it decides something.
package ci

import "strings"

// Actions says whether this runs as a step of GitHub Actions.
func Actions(getenv func(string) string) bool {
	return strings.EqualFold(getenv("GITHUB_ACTIONS"), "true")
}

// InCI says whether this runs without a person at the keyboard. Platforms say so
// as CI=true, or CI=1; some give their name.
func InCI(getenv func(string) string) bool {
	switch strings.ToLower(getenv("CI")) {
	case "", "false", "0", "no", "off":
		return Actions(getenv)
	}
	return true
}
