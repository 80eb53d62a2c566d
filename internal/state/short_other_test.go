//go:build !(linux || darwin)

package state_test

import "errors"

func writeShort([]string) error { return errors.ErrUnsupported }

func mkfifo(string) error { return errors.ErrUnsupported }
