package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Boundary are the commits of a shallow clone whose parents were cut off.
func (r *Repo) Boundary(ctx context.Context) ([]string, error) {
	if !r.Shallow {
		return nil, nil
	}
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--path-format=absolute", "--git-path", "shallow"))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(strings.TrimSuffix(out, "\n"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // deepened since
	}
	if err != nil {
		return nil, fmt.Errorf("read where the clone is cut off: %w", err)
	}
	return strings.Fields(string(data)), nil
}
