package types

import (
	"testing"
)

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"correctCount":1,"totalCount":2,"percent":50,"details":[{"filePath":"a.ts","line":0,"text":"x"}]}`))
	f.Add([]byte("7 11 2 3 total\n 7 11 2 3 a\n"))
	f.Add([]byte(" Name   Anys   Exprs   Coverage\n---\na  3  13  76.92%\nTotal 3 13 1%\n"))
	f.Add([]byte(`{"typeCompleteness":{"exportedSymbolCounts":{"withKnownType":1}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseReport(data, "/r", []unit{{}})
		if err == nil && (m.typed < 0 || m.typed > m.symbols) {
			t.Errorf("%d of %d", m.typed, m.symbols)
		}
		readMypy(data, ".")
	})
}
