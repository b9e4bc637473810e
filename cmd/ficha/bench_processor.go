//go:build unix

package main

import "syscall"

// processorSeconds is how much processor time this process has used.
func processorSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return absent()
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
