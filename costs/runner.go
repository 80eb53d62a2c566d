package costs

import (
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// WholeMinutes is how GitHub bills a job: each started minute.
func WholeMinutes(d time.Duration) int64 {
	return max(1, int64((d+time.Minute-1)/time.Minute))
}

// Runner fills in units, cost, basis and reference of an entry for a job on a
// runner of GitHub's. free says that the job costs nothing, as on the standard
// runners in public repositories. A runner that is not in the list is unpriced.
func (e Entry) Runner(sku string, minutes int64, free bool) (Entry, error) {
	n, err := Whole(minutes)
	if err != nil {
		return e, err
	}
	e.Category, e.Model = "ci", sku
	e.Units = []Quantity{{Unit: prices.Minutes, N: n}}
	row, ok := prices.Runner(sku, e.Time)
	if ok && free {
		row.Model += "/public"
		row.Rates = map[string]prices.Rate{prices.Minutes: 0}
	}
	return e.priced(row, ok)
}
