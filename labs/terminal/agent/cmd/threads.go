package main

import (
	"runtime"
	"sync"
)

// reserved is more threads than the agent ever needs at once: those that run Go
// code, and a few in calls that take a moment.
const reserved = 16

// reserveThreads makes the runtime start threads now that it would otherwise
// start when it needs them. It keeps them for later, and the process ends where
// it can get none: so would this one, and with it the workstation, when a fork
// bomb has used up the container's processes.
func reserveThreads() {
	var there, leave sync.WaitGroup
	there.Add(reserved)
	leave.Add(1)
	for range reserved {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			leave.Wait()
		}()
	}
	there.Wait()
	leave.Done()
}
