package main

import (
	"runtime/debug"
	"time"
)

// The parts of a node hardly collect garbage while they start, which takes a
// fifth of the processor's time then; after that they keep little of it.
const (
	startingGC = 300 // per cent of what lives
	settledGC  = 40
	settled    = 20 * time.Second
	rested     = time.Minute // what the add-ons' start has left is given back, too
)

func settle() {
	debug.SetGCPercent(startingGC)
	time.AfterFunc(settled, func() {
		debug.SetGCPercent(settledGC)
		debug.FreeOSMemory()
	})
	time.AfterFunc(rested, debug.FreeOSMemory)
}
