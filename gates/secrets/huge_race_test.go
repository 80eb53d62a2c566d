//go:build race

package secrets

const hugeLine = 4 << 20 // the race detector is slow
