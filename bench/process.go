package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build makes the program as it is released.
func (b *bench) build(ctx context.Context) error {
	b.binary = filepath.Join(b.dir, "shippost")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", b.binary, "ship-post.com/shippost/cmd/shippost")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the program: %w", err)
	}
	return nil
}

// process is a running command of the program.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	URL  string
	gone chan error
}

// freePort returns a port of this machine that nobody listens on.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, errors.Join(err, ln.Close())
}

// start runs the program and returns at once. What it logs is kept in a file.
func (b *bench) start(name, url string, env []string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(b.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	// The process outlives no context: stop ends it in order.
	cmd := exec.CommandContext(context.Background(), b.binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(clean(os.Environ()), env...), log, log
	p := &process{cmd: cmd, log: log, URL: url, gone: make(chan error, 1)}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { p.gone <- cmd.Wait() }()
	return p, nil
}

// clean takes what sets the product up out of an environment.
func clean(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "SHIPPOST_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// answers waits until a path is answered with success, and returns when it was.
func (p *process) answers(ctx context.Context, path string) (time.Time, error) {
	client := &http.Client{Timeout: time.Second}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
		if err != nil {
			return time.Time{}, err
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Now(), nil
			}
		}
		select {
		case err := <-p.gone:
			p.gone <- nil // for stop
			text, _ := os.ReadFile(p.log.Name())
			return time.Time{}, fmt.Errorf("%s ended: %w\n%s", p.cmd.Args[1], err, text)
		case <-time.After(time.Millisecond):
		}
	}
	return time.Time{}, ctx.Err()
}

// stop ends the process in order, and by force if it does not.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	var err error
	select {
	case err = <-p.gone:
	case <-time.After(time.Minute):
		err = errors.Join(p.cmd.Process.Kill(), errors.New("it did not end within a minute"))
	}
	if err != nil {
		err = fmt.Errorf("stop %s: %w", p.cmd.Args[1], err)
	}
	return errors.Join(err, p.log.Close())
}

// memory returns how much memory the process has now, and the most it had since forgetPeak, in bytes.
func (p *process) memory() (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, l := range strings.Split(string(text), "\n") {
		fields := strings.Fields(l)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	return now, peak, nil
}

// forgetPeak lets the peak begin anew.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// cpu returns the processor time that the process has used.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
