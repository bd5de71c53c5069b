package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// leases is how long a node is stopped: three of the publisher's leases of 15 s, and a little.
const leases = 46 * time.Second

// freeze waits until the first node has stopped itself, starts the second, and lets the first go on long after its
// lease is over. It reports whether the node stopped at all before the round was over.
func (w *world) freeze(ctx, round context.Context) (bool, error) {
	first, second := w.nodes[0], w.nodes[1]
	for !first.stopped() {
		select {
		case <-round.Done():
			return false, second.run(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
	first.pause()
	if err := second.run(ctx); err != nil {
		return true, err
	}
	select {
	case <-ctx.Done():
		return true, ctx.Err()
	case <-time.After(leases):
	}
	if err := first.resume(); err != nil {
		return true, err
	}
	// What it had in hand when it was stopped it now tries to go on with.
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	return true, nil
}

// stopped reports whether the kernel has the node's process stopped.
func (n *node) stopped() bool {
	n.mu.Lock()
	pid := n.proc.cmd.Process.Pid
	n.mu.Unlock()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return bytes.HasPrefix(after, []byte(" T"))
}

// pause notes that the node is stopped: nobody waits for its answers any more.
func (n *node) pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = true
	for _, cancel := range n.asked {
		cancel()
	}
}
