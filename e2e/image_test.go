package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// confine is what a container engine does for deploy/compose.yaml: the image cannot be written, but for the data and a folder in memory
// for what is passing, and the program has a number for a user, no capability, now or ever, and no way to new ones.
const confine = `set -e
root=$1 uid=$2 gid=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$root/data" "$root/data"
mount -t tmpfs -o mode=0700,uid=$uid,gid=$gid tmpfs "$root/tmp"
mount -o remount,bind,ro,nosuid,nodev "$root"
exec env -i "$@"`

// confined is a command of the image, run so. Everything it sees of the outside is the environment and the network.
func (b *builder) confined(ctx context.Context, root, uid, gid string, environment, command []string) *exec.Cmd {
	b.t.Helper()
	setpriv, err := exec.LookPath("setpriv")
	must(b.t, err)
	chroot, err := exec.LookPath("chroot")
	must(b.t, err)
	words := append([]string{"sh", "-c", confine, "sh", root, uid, gid}, environment...)
	// What changes the root and the user may do that and nothing else, and what it starts may not even do that.
	words = append(words, setpriv, "--inh-caps=-all,+sys_chroot,+setuid,+setgid", setpriv, "--no-new-privs", "--bounding-set=-all",
		chroot, "--userspec="+uid+":"+gid, "--groups=", root)
	return b.inside(ctx, append(words, command...)...)
}

// TestPromise_P14_TheImageRuns builds the image that deploy/Dockerfile describes and runs it as deploy/compose.yaml says, as an ordinary
// user: it holds the program and nothing that could be called beside it, has a user with a number, who owns the data alone, cannot be
// written elsewhere even by root, can do nothing that an ordinary program cannot, and publishes a video.
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
				Env        []string
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
	uid, gid, _ := strings.Cut(set.User, ":")
	if programs := b.tidy(root, uid); strings.Join(programs, " ") != "shippost" {
		t.Errorf("the image can run %q", programs)
	}

	w := prepare(t)
	environment := slices.DeleteFunc(w.environment(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"PATH", "HOME", "TMPDIR", "SHIPPOST_DATA_DIR", "SHIPPOST_LISTEN"}, name)
	})
	environment = append(environment, set.Env...)
	args := slices.Clone(set.Entrypoint)
	for _, a := range set.Cmd {
		args = append(args, strings.Replace(a, "--listen=:8080", "--listen="+w.listen, 1))
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	refused, err := b.confined(ctx, root, uid, gid, append(slices.Clone(environment), "SHIPPOST_DATA_DIR=/etc/data"), args).CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "The data folder /etc/data cannot be made.") {
		t.Errorf("with its data in the image: %v\n%s", err, refused)
	}
	cmd := b.confined(ctx, root, uid, gid, environment, args)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(w.url + "/healthz")
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
	p := w.creator(t, "mara.moves")
	media, err := p.upload(ctx, shortClip(t, 1))
	must(t, err)
	post, err := p.CreatePost(ctx, p.draft(media.ID, time.Second), "")
	must(t, err)
	_, err = p.until(ctx, post.ID, "posted")
	must(t, err)

	pid := runs(t, w.listen, set.Entrypoint[0])
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	outside := number(t, uid)
	if os.Getuid() == 0 {
		outside += hostIDs
		want := fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d", outside, outside, outside, outside)
		if !strings.Contains(string(status), "\n"+want+"\n") {
			t.Errorf("it does not run as %s but\n%s", want, status)
		}
	}
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), "\n"+want+"\n") {
			t.Errorf("it can do more than an ordinary program; want %s in\n%s", want, status)
		}
	}
	if os.Getuid() == 0 { // only root may look into a process of another user
		b.readOnly(pid)
	}
	must(t, b.inside(t.Context(), "setpriv", "--reuid="+uid, "--clear-groups", "kill", "-TERM", strconv.Itoa(pid)).Run())
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, log.String())
	}
	b.tidy(root, uid)
	if listed := b.list(root); !strings.Contains(listed, " data/shippost.db\n") || strings.Contains(listed, "etc/data") {
		t.Errorf("in the image there is now\n%s", listed)
	}
}

// readOnly has root write where the program lives: it can into the data alone. The folder in memory is for the program's user.
func (b *builder) readOnly(pid int) {
	b.t.Helper()
	for folder, want := range map[string]error{"": syscall.EROFS, "etc": syscall.EROFS, "etc/ssl/certs": syscall.EROFS, "data": nil} {
		path := filepath.Join("/proc", strconv.Itoa(pid), "root", folder, "written")
		err := os.WriteFile(path, nil, 0o600)
		if !errors.Is(err, want) {
			b.t.Errorf("writing to /%s: %v, not %v", folder, err, want)
		}
		if err == nil {
			must(b.t, os.Remove(path))
		}
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid))
	must(b.t, err)
	if !strings.Contains(string(mounts), "tmpfs /tmp tmpfs rw,") {
		b.t.Errorf("for what is passing there is\n%s", mounts)
	}
	program := filepath.Join("/proc", strconv.Itoa(pid), "root", "shippost")
	if err := os.WriteFile(program, nil, 0o755); !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.ETXTBSY) {
		b.t.Errorf("writing to the program: %v", err)
	}
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
