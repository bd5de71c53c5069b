package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"
)

// failures are what a full, a broken and a suddenly read-only disk answer (R10).
var failures = []string{"ENOSPC", "EIO", "EROFS"}

// writes are the system calls by which the program changes files. Sockets use others.
const writes = "pwrite64,fsync,fdatasync,ftruncate,renameat,renameat2,mkdirat,unlinkat"

// failDisk has every change of a file fail for some seconds, again and again, until ctx ends. It needs strace and the
// right to trace the program: root, or kernel.yama.ptrace_scope=0.
func (w *world) failDisk(ctx context.Context, errno string, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 4))
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(r.Int64N(int64(2 * time.Second)))):
		}
		if err := w.nodes[0].failWrites(ctx, errno, time.Second+time.Duration(r.Int64N(int64(2*time.Second)))); err != nil {
			return err
		}
		// A disk that never recovers proves nothing.
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
	return nil
}

// failWrites has each write of the node fail with an error for some time.
func (n *node) failWrites(ctx context.Context, errno string, d time.Duration) error {
	n.mu.Lock()
	p := n.proc
	n.fragile = true // it may well end itself when it cannot write
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	trace := exec.CommandContext(ctx, "strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace="+writes,
		"-e", "inject="+writes+":error="+errno, "-p", fmt.Sprint(p.cmd.Process.Pid))
	trace.Cancel = func() error { return trace.Process.Signal(os.Interrupt) } // it lets go of the program
	trace.WaitDelay = 10 * time.Second
	out, err := trace.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("strace (Debian package strace) is needed: %w", err)
		}
		select {
		case <-p.exited: // it was killed at that moment
		case <-time.After(5 * time.Second):
			return fmt.Errorf("strace cannot trace the program; it needs root or kernel.yama.ptrace_scope=0: %w\n%s", err, out)
		}
	}
	return nil
}
