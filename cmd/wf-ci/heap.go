package main

import (
	"runtime"
	"runtime/debug"
)

// roomyStart lets the heap grow to 32 MiB before it is collected for the first
// time: many commands end before, and a collection of what was only just made
// finds nothing. From then on the collector works as always.
func roomyStart() {
	const percent = 800 // of the 4 MiB that Go starts with
	before := debug.SetGCPercent(percent)
	if before != 100 { // the user's GOGC
		debug.SetGCPercent(before)
		return
	}
	first := new(*int) // gone at the first collection
	runtime.AddCleanup(first, func(int) {
		if now := debug.SetGCPercent(100); now != percent { // a command has its own
			debug.SetGCPercent(now)
		}
	}, 0)
}
