package probe

import "time"

// allowance is what a child process may use up. It may write no more than file bytes into one file; 0 lets it write none.
type allowance struct {
	memory    uint64 // bytes of address space
	processor time.Duration
	file      int64
	patient   bool // it gives way to everything else
}

// short is for a child that looks at one picture.
var short = allowance{memory: 1 << 30, processor: 20 * time.Second}
