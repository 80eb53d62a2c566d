package costs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tidwall/sjson"

	"github.com/wf-ci/wf-ci/internal/state"
)

// configName is the budget's file, in the directory of the ledger.
const configName = "budget-config.json"

// Setting is a value of budget-config.json.
type Setting struct {
	Key   string // with dots, such as budgets.daily.soft_limit
	Value string // as JSON
}

// Configure sets values in budget-config.json; where it is not there, it is made
// with all that holds without one. What else it says stays, byte for byte. A
// value that does not go with the others changes nothing.
func (l Ledger) Configure(ctx context.Context, settings []Setting) (Budget, error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return Budget{}, err
	}
	defer unlock()
	path := filepath.Join(l.Dir, configName)
	data, err := readFile(path, bookLimit)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = DefaultBudget().config(), nil
	}
	if err == nil {
		_, err = ParseBudget("costs/"+configName, data)
	}
	if err != nil {
		return Budget{}, err
	}
	b, data, err := configured(data, settings)
	if err != nil {
		return Budget{}, err
	}
	if err := os.MkdirAll(l.Dir, 0o755); err != nil {
		return Budget{}, err
	}
	return b, state.Write(path, data, 0o644)
}

// configured is the budget, and its file, with settings.
func configured(data []byte, settings []Setting) (Budget, []byte, error) {
	data, err := set(data, settings)
	if err != nil {
		return Budget{}, nil, err
	}
	b, err := ParseBudget("costs/"+configName, data)
	if err != nil {
		return b, nil, err
	}
	// What stands in the file twice is set where it stands first, and counts
	// where it stands last.
	text, err := set(b.config(), settings)
	if err != nil {
		return b, nil, err
	}
	want, err := ParseBudget("costs/"+configName, text)
	if err == nil && (want.Budgets != b.Budgets || want.Controls != b.Controls) {
		err = fmt.Errorf("costs/%s: a key stands there twice; take one out, or edit it by hand", configName)
	}
	return b, data, err
}

func set(data []byte, settings []Setting) (_ []byte, err error) {
	for _, s := range settings {
		if data, err = sjson.SetRawBytes(data, s.Key, []byte(s.Value)); err != nil {
			return nil, fmt.Errorf("costs/%s: set %s: %w", configName, s.Key, err)
		}
	}
	return data, nil
}

// config is the budget as a file of it, without the routing. Amounts are
// numbers there: the reference's scripts reckon with them.
func (b Budget) config() []byte {
	limits := func(l Limits) string {
		return fmt.Sprintf(`{"soft_limit": %s, "hard_limit": %s, "alert_threshold": %g}`, l.Soft, l.Hard, l.Alert)
	}
	zone := b.Timezone
	if zone == "" {
		zone = "UTC"
	}
	return fmt.Appendf(nil, `{
  "budgets": {
    "daily": %s,
    "weekly": %s,
    "monthly": %s
  },
  "cost_controls": {
    "block_on_limit": %t,
    "auto_switch_models": %t,
    "emergency_mode_threshold": %g,
    "unpriced_worst_case": %s
  },
  "timezone": %q
}
`, limits(b.Budgets.Daily), limits(b.Budgets.Weekly), limits(b.Budgets.Monthly),
		b.Controls.BlockOnLimit, b.Controls.AutoSwitch, b.Controls.EmergencyThreshold, b.Controls.UnpricedWorstCase, zone)
}
