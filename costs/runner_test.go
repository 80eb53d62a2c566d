package costs

import (
	"testing"
	"time"
)

// Each started minute is billed; what is not in the list is never free.
func TestRunner(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		sku   string
		took  time.Duration
		free  bool
		usd   string
		basis Basis
	}{
		{"linux", 0, false, "0.006", List},
		{"linux", time.Minute, false, "0.006", List},
		{"linux", time.Minute + 1, false, "0.012", List},
		{"linux-arm-4", 10 * time.Minute, false, "0.08", List},
		{"linux", time.Hour, true, "0.00", List},
		{"self-hosted", time.Hour, false, "0.00", List},
		{"our-own-label", time.Hour, false, "0.00", Unpriced},
		{"our-own-label", time.Hour, true, "0.00", Unpriced},
	} {
		e, err := Entry{Key: "k", Time: at, Source: "test"}.Runner(tt.sku, WholeMinutes(tt.took), tt.free)
		if err != nil || e.USD.String() != tt.usd || e.Basis != tt.basis || e.Category != "ci" {
			t.Errorf("%+v: %+v, %v", tt, e, err)
		}
	}
}
