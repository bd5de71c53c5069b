//go:build unix

package spool

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space returns how many bytes the file system of the spool can still take from an ordinary user, and how many it has.
func (s *Spool) Space() (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.folder.Path("."), &st); err != nil {
		return 0, 0, fmt.Errorf("ask for free space: %w", err)
	}
	block := int64(st.Bsize)
	return int64(st.Bavail) * block, int64(st.Blocks) * block, nil
}
