package probe

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// runConfined runs a child without network, where the system lets an ordinary process make namespaces, and with limits on
// memory, processor time, file size and descriptors. It dies with us. command makes the child anew for each try.
func runConfined(allowed allowance, command func() *exec.Cmd) error {
	// The system kills the child when the thread ends that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := command()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET}
	err := cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		cmd = command()
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	return finish(cmd, allowed)
}

func finish(cmd *exec.Cmd, allowed allowance) error {
	limits := map[int]uint64{unix.RLIMIT_AS: allowed.memory, unix.RLIMIT_CPU: uint64(allowed.processor.Seconds()), unix.RLIMIT_FSIZE: uint64(allowed.file),
		unix.RLIMIT_NOFILE: 32, unix.RLIMIT_CORE: 0}
	var failed error
	if allowed.patient {
		// Whatever else this machine does comes first.
		if err := unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, 10); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = err
		}
	}
	for what, most := range limits {
		// The child may be through already; then there is nothing left to limit.
		if err := unix.Prlimit(cmd.Process.Pid, what, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return errors.Join(failed, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Wait()
}
