package deps

import (
	"context"
	"fmt"
)

// The engines that policy may name.
const (
	EngineOwn   = "own"
	EngineNPM   = "npm-audit"
	EnginePip   = "pip-audit"
	EngineCargo = "cargo-audit"
	EngineOSV   = "osv-scanner"
)

func (r *result) external(ctx context.Context, name string) error {
	return fmt.Errorf("no engine %s", name)
}
