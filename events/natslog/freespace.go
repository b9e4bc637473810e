//go:build linux || darwin

package natslog

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpaceOf gives a function that says how many bytes unprivileged processes
// may still write to the file system that holds dir.
func freeSpaceOf(dir string) func() (uint64, error) {
	return func() (uint64, error) {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return 0, fmt.Errorf("ask free space: %w", err)
		}
		return st.Bavail * uint64(st.Bsize), nil
	}
}
