//go:build !race

package secrets

const hugeLine = 100 << 20
