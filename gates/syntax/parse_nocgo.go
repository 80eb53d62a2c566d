//go:build !cgo

package syntax

import "context"

// Available says whether this build has parsers.
func Available() bool { return false }

// Parse says that this build cannot parse.
func Parse(context.Context, Language, []byte) (*Tree, error) { return nil, ErrUnavailable }

// ParseWithin says that this build cannot parse.
func ParseWithin(context.Context, Language, []byte, Limits) (*Tree, error) {
	return nil, ErrUnavailable
}

func grammarNames(Language) *names { return nil }
