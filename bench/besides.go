package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// memoryFolder is where Linux keeps files in memory.
const memoryFolder = "/dev/shm"

// besides returns a folder for the simulator that is not on the disk that is measured: TikTok's disks are not the product's,
// and whatever the product writes durably would wait until what TikTok was sent has been written too. Without memory for
// the largest herd it is the same folder.
func besides(tmp string) string {
	const largest = 12e9
	var space syscall.Statfs_t
	if syscall.Statfs(memoryFolder, &space) != nil || float64(space.Bavail)*float64(space.Bsize) < largest || float64(availableMemory()) < 1.4*largest {
		return tmp
	}
	return memoryFolder
}

// availableMemory returns how many bytes of memory Linux would give away now, 0 where it does not say.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemAvailable:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64) // not a number is none
			return kib << 10
		}
	}
	return 0
}
