//go:build chaos

package chaos

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Enabled reports whether this build has fault points.
const Enabled = true

var (
	orders  = mustParse(os.Getenv("SHIPPOST_CHAOS"))
	logPath = os.Getenv("SHIPPOST_CHAOS_LOG")
	clock   = os.Getenv("SHIPPOST_CHAOS_CLOCK")

	mu     sync.Mutex
	passes = map[string]int{}
)

// order is one thing that must happen at a point.
type order struct {
	action string // kill, pause, error, delay
	wait   time.Duration
	hit    int // 0: every pass
}

// Point marks a place where the process may be killed, paused or delayed.
func Point(name string) { _ = pass(name) }

// Err marks a place where an operation may be made to fail.
func Err(name string) error { return pass(name) }

// Now returns the time of the product's clock: the system's, moved by the duration in the file that
// SHIPPOST_CHAOS_CLOCK names. It panics when that file is unreadable, because a test would otherwise run at the wrong time.
func Now() time.Time {
	if clock == "" {
		return time.Now()
	}
	text, err := os.ReadFile(clock)
	if err != nil {
		panic(fmt.Sprintf("chaos: read the clock: %v", err))
	}
	off, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		panic(fmt.Sprintf("chaos: read the clock: %v", err))
	}
	return time.Now().Add(off)
}

// ChunkSize returns the number of bytes that SHIPPOST_CHAOS_CHUNK holds, 0 for none. It panics when that is no number,
// because a test would otherwise send whole files.
func ChunkSize() int64 {
	text := os.Getenv("SHIPPOST_CHAOS_CHUNK")
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		panic(fmt.Sprintf("chaos: %q is no size of a chunk", text))
	}
	return n
}

func pass(name string) error {
	mu.Lock()
	passes[name]++
	n := passes[name]
	record(name)
	mu.Unlock()

	for _, o := range orders[name] {
		if o.hit != 0 && o.hit != n {
			continue
		}
		switch o.action {
		case "kill":
			signalSelf(syscall.SIGKILL)
		case "pause":
			signalSelf(syscall.SIGSTOP)
		case "delay":
			time.Sleep(o.wait)
		case "error":
			return fmt.Errorf("%w at %s", ErrInjected, name)
		}
	}
	return nil
}

// signalSelf sends a signal to this process and does not go on before it had its effect.
func signalSelf(sig syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		panic(fmt.Sprintf("chaos: %v: %v", sig, err))
	}
	if sig == syscall.SIGKILL {
		select {}
	}
}

// record notes the pass. It is called under mu.
func record(name string) {
	if logPath == "" {
		return
	}
	f, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(fmt.Sprintf("chaos: record a pass: %v", err))
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, name); err != nil {
		panic(fmt.Sprintf("chaos: record a pass: %v", err))
	}
}

func mustParse(text string) map[string][]order {
	parsed, err := parse(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "SHIPPOST_CHAOS: %v\n", err)
		os.Exit(2)
	}
	return parsed
}

func parse(text string) (map[string][]order, error) {
	parsed := map[string][]order{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		name, what, ok := strings.Cut(item, "=")
		if !ok || !known(name) {
			return nil, fmt.Errorf("%q names no fault point; the points are listed in internal/chaos/points.go", item)
		}
		o, err := parseOrder(what)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", item, err)
		}
		parsed[name] = append(parsed[name], o)
	}
	return parsed, nil
}

func parseOrder(text string) (order, error) {
	var o order
	action, hit, counted := strings.Cut(text, "@")
	if counted {
		n, err := strconv.Atoi(hit)
		if err != nil || n < 1 {
			return o, fmt.Errorf("after @ stands the number of the pass, 1 or more")
		}
		o.hit = n
	}
	action, argument, _ := strings.Cut(action, ":")
	o.action = action
	switch action {
	case "kill", "pause", "error":
		if argument != "" {
			return o, fmt.Errorf("%s takes no argument", action)
		}
	case "delay":
		wait, err := time.ParseDuration(argument)
		if err != nil || wait < 0 {
			return o, fmt.Errorf("delay needs a duration, as in delay:2s")
		}
		o.wait = wait
	default:
		return o, fmt.Errorf("the action is one of kill, pause, error, delay:DURATION")
	}
	return o, nil
}

func known(name string) bool {
	for _, p := range points {
		if p.name == name {
			return true
		}
	}
	return false
}
