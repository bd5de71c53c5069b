package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostIDs is the first of the numbers that the users of the image have outside it, where the test itself is run by root.
const hostIDs = 231072

// builder is buildah for an ordinary user: what is root to it is nobody in particular outside.
type builder struct {
	t    *testing.T
	home string
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	home, err := os.MkdirTemp("", "shippost-buildah-") // the folders of a test are closed to others
	must(t, err)
	b := &builder{t, home}
	t.Cleanup(func() {
		if os.Getuid() != 0 { // what belongs to users of the image only they can remove
			must(t, b.inside(context.Background(), "find", home, "-mindepth", "1", "-delete").Run())
		}
		must(t, os.RemoveAll(home))
	})
	must(t, os.Mkdir(filepath.Join(home, "run"), 0o700))
	return b
}

// give hands what is in the builder's folder to its user.
func (b *builder) give() {
	b.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	must(b.t, filepath.WalkDir(b.home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, hostIDs, hostIDs)
	}))
}

// command is a call of buildah. Layers are plain folders and a container is a changed root: neither needs the kernel's help.
func (b *builder) command(ctx context.Context, args ...string) *exec.Cmd {
	return b.inside(ctx, append([]string{"buildah", "--storage-driver=vfs", "--root=" + filepath.Join(b.home, "layers"), "--runroot=" + filepath.Join(b.home, "run")}, args...)...)
}

// inside is a command among the users of the image: their numbers are others outside. Root may choose which, and an ordinary user has
// those that the system set aside.
func (b *builder) inside(ctx context.Context, words ...string) *exec.Cmd {
	if os.Getuid() != 0 {
		words = append([]string{"buildah", "unshare"}, words...)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = b.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.home, "TMPDIR=" + b.home, "XDG_RUNTIME_DIR=" + filepath.Join(b.home, "run"), "BUILDAH_ISOLATION=chroot"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.Env = append(cmd.Env, "_CONTAINERS_USERNS_CONFIGURED=done")
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: hostIDs, Size: 65536}}
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings, cmd.SysProcAttr.GidMappingsEnableSetgroups = ids, ids, true
		cmd.SysProcAttr.Credential = &syscall.Credential{}
	}
	return cmd
}

// run calls buildah and returns what it prints.
func (b *builder) run(args ...string) string {
	b.t.Helper()
	var out, complaint bytes.Buffer
	cmd := b.command(b.t.Context(), args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		b.t.Fatalf("buildah %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), complaint.String())
	}
	return strings.TrimSpace(out.String())
}

// TestPromise_P14_TheImageRuns builds the image that deploy/Dockerfile describes and runs it, as an ordinary user: it holds the program
// and nothing that could be called beside it, has a user with a number, who owns the data alone, and answers.
func TestPromise_P14_TheImageRuns(t *testing.T) {
	t.Parallel()
	b := newBuilder(t)
	text, err := os.ReadFile("../deploy/Dockerfile")
	must(t, err)
	_, image, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if !ok {
		t.Fatal("the image does not begin from nothing")
	}
	// What the first stage makes is made here: its compiler would have to be fetched from elsewhere.
	files := filepath.Join(b.home, "context", "files")
	for _, folder := range []string{"out/data", "out/tmp", "etc/ssl/certs"} {
		must(t, os.MkdirAll(filepath.Join(files, folder), 0o755))
	}
	must(t, os.Chmod(filepath.Join(files, "out/data"), 0o700))
	must(t, os.Chmod(filepath.Join(files, "out/tmp"), 0o700))
	must(t, os.WriteFile(filepath.Join(files, "etc/ssl/certs/ca-certificates.crt"), nil, 0o644)) // no connection is made here
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", filepath.Join(files, "out/shippost"), "../cmd/shippost")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, os.WriteFile(filepath.Join(b.home, "context", "Dockerfile"), []byte("FROM scratch AS build\nCOPY files /\nFROM scratch\n"+image), 0o644))
	b.give()
	b.run("build", "--quiet", "--tag=localhost/shippost:latest", filepath.Join(b.home, "context"))

	var about struct {
		OCIv1 struct {
			Config struct {
				User       string
				Entrypoint []string
				Cmd        []string
			} `json:"config"`
		}
	}
	must(t, json.Unmarshal([]byte(b.run("inspect", "--type=image", "localhost/shippost:latest")), &about))
	set := about.OCIv1.Config
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(set.User) || strings.Join(set.Entrypoint, " ") != "/shippost" {
		t.Fatalf("the image runs %q as %q", set.Entrypoint, set.User)
	}
	container := b.run("from", "--pull-never", "localhost/shippost:latest")
	root := b.run("mount", container)
	uid, _, _ := strings.Cut(set.User, ":")
	if programs := b.tidy(root, uid); strings.Join(programs, " ") != "shippost" {
		t.Errorf("the image can run %q", programs)
	}

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := ln.Addr().String()
	must(t, ln.Close())
	args := []string{"run", "--env=SHIPPOST_PUBLIC_URL=https://posts.example", "--env=SHIPPOST_TRUSTED_PROXIES=127.0.0.1", "--env=SHIPPOST_TIKTOK_CLIENT_KEY=key",
		"--env=SHIPPOST_TIKTOK_CLIENT_SECRET=secret-of-the-app", container, "--"}
	args = append(args, set.Entrypoint...)
	for _, a := range set.Cmd {
		args = append(args, strings.Replace(a, "--listen=:8080", "--listen="+address, 1))
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := b.command(ctx, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get("http://" + address + "/healthz")
		if err == nil {
			must(t, resp.Body.Close())
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v\n%s", err, log.String())
		case <-tick.C:
		}
	}
	pid := runs(t, address, set.Entrypoint[0])
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	outside := number(t, uid)
	if os.Getuid() == 0 {
		outside += hostIDs
	}
	if !strings.Contains(string(status), fmt.Sprintf("\nUid:\t%d\t%d\t%d\t%d\n", outside, outside, outside, outside)) && os.Getuid() == 0 || !strings.Contains(string(status), "CapEff:\t0000000000000000") {
		t.Errorf("it runs as\n%s", status)
	}
	must(t, b.inside(t.Context(), "setpriv", "--reuid="+uid, "--clear-groups", "kill", "-TERM", strconv.Itoa(pid)).Run())
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, log.String())
	}
	b.tidy(root, uid)
}

// tidy finds what in a container may be changed by others than the owner of the data, or is not the program's user's though it should
// be. It returns what can be run.
func (b *builder) tidy(root, uid string) (programs []string) {
	b.t.Helper()
	for line := range strings.SplitSeq(b.list(root), "\n") {
		mode, rest, _ := strings.Cut(line, " ")
		owner, path, _ := strings.Cut(rest, " ")
		own := strings.HasPrefix(path+"/", "data/") || strings.HasPrefix(path+"/", "tmp/")
		if (owner == uid) != own || !own && strings.ContainsAny(mode[len(mode)-2:], "2367") {
			b.t.Errorf("/%s has the mode %s and belongs to %s", path, mode, owner)
		}
		if !own && strings.HasPrefix(mode, "f") && strings.ContainsAny(mode[len(mode)-3:], "1357") {
			programs = append(programs, path)
		}
	}
	return programs
}

// list returns mode, owner and path of everything in a container, as its own users see it.
func (b *builder) list(root string) string {
	b.t.Helper()
	cmd := b.inside(b.t.Context(), "find", root, "-mindepth", "1", "-printf", `%y%m %U %P\n`)
	out, err := cmd.Output()
	must(b.t, err)
	return strings.TrimSpace(string(out))
}

// runs returns the process that runs a program and listens on an address given to it.
func runs(t *testing.T, address, program string) int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range found {
		line, err := os.ReadFile(path)
		if err == nil && strings.HasPrefix(string(line), program+"\x00") && strings.Contains(string(line), address) {
			return number(t, filepath.Base(filepath.Dir(path)))
		}
	}
	t.Fatalf("no process runs %s", program)
	return 0
}
