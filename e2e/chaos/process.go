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
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a program that was started here and ends with this program at the latest.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it ended; state is set then
	state  *os.ProcessState
}

// starts is served by one thread that lives as long as the program: the kernel ends a child when the thread that
// started it ends, not the process.
var starts = sync.OnceValue(func() chan<- func() {
	queue := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range queue {
			start()
		}
	}()
	return queue
})

// start runs a program with nothing in its environment but what is given. Its output is appended to the file.
func start(output string, env []string, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the state says it all
		p.state = p.cmd.ProcessState
		close(p.exited)
	}()
	return p, nil
}

// signal sends a signal. A process that has just ended takes none, which is fine.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// kill ends the process with SIGKILL and waits for its end.
func (p *process) kill() error {
	err := p.signal(syscall.SIGKILL)
	<-p.exited
	return err
}

// dead reports whether the process has ended.
func (p *process) dead() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// wasKilled reports whether a process that ended was ended by SIGKILL.
func (p *process) wasKilled() bool {
	status, ok := p.state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// neverBegan reports whether a process was ended by SIGTERM before it knew what to do about that.
func (p *process) neverBegan() bool {
	status, ok := p.state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// await asks an address of this machine until it answers 200, the process ended or ctx did.
func (p *process) await(ctx context.Context, address string) error {
	asker := http.Client{Timeout: 5 * time.Second}
	for {
		resp, err := asker.Get(address)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.exited:
			return fmt.Errorf("ended before it was ready: %s", p.state)
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freePort returns a port of this machine that nobody uses at the moment.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// build makes the real binary, with fault points and the settable clock in it.
func build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "shippost")
	out, err := exec.CommandContext(ctx, "go", "build", "-tags=chaos", "-o", binary, "ship-post.com/shippost/cmd/shippost").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}
