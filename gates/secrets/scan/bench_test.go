package scan

import "testing"

// BenchmarkNew is what the first use costs.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Default())
	}
}
