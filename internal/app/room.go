package app

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// heldMemory is what one upload that is kept open takes: goroutines, the transport's buffers, and the bytes kept back.
const heldMemory = 128 << 10

// heldRequests returns how many uploads may be kept open at once, so that all of them together take no more than half of
// the descriptors and a quarter of the memory. The posts beyond are sent whole at their instant.
func heldRequests(descriptors, memory uint64) int {
	return int(min(max(min(descriptors/2, memory/4/heldMemory), 100), 20_000))
}

// room returns how many files this process may have open, and how much memory there is for it: the machine's, or what the
// container is given. Where that cannot be told it returns what a small machine has.
func room() (descriptors, memory uint64) {
	descriptors, memory = 4096, 1<<30
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		descriptors = limit.Cur
	}
	if n, ok := machineMemory(); ok {
		memory = n
	}
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
			memory = min(memory, n)
		}
	}
	return descriptors, memory
}

// machineMemory reads the size of the machine's memory where Linux tells it.
func machineMemory() (uint64, bool) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10, err == nil && kib < math.MaxUint64>>10
		}
	}
	return 0, false
}
