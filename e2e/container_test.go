package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
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

var (
	fromBuild = regexp.MustCompile(`^COPY --from=build (?:--chown=(\d+):(\d+) )?(\S+) (/\S*)$`)
	numeric   = regexp.MustCompile(`^USER (\d+):(\d+)$`)
)

// TestPromise_P14_RunsInAnEmptyRoot lays out the files that deploy/Dockerfile puts into the image, and runs the program as it says, with
// nothing else in sight: as a user with a number and no name, who may write to the data and nowhere else.
func TestPromise_P14_RunsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../deploy/Dockerfile")
	must(t, err)
	_, image, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if !ok || strings.Contains(image, "\nFROM ") {
		t.Fatal("the image does not begin from nothing")
	}
	root, err := os.MkdirTemp("", "shippost-image-") // the folders of a test are closed to others
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(root)) })
	uid, gid, env, args := 0, 0, []string{}, []string{}
	for line := range strings.Lines(image) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case fromBuild.MatchString(line):
			m := fromBuild.FindStringSubmatch(line)
			to := filepath.Join(root, m[4])
			must(t, os.MkdirAll(filepath.Dir(to), 0o755))
			switch m[3] {
			case "/out/shippost":
				build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "../cmd/shippost")
				build.Env = append(os.Environ(), "CGO_ENABLED=0")
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			case "/out/data", "/out/tmp":
				must(t, os.Mkdir(to, 0o700))
				if os.Getuid() == 0 {
					must(t, os.Chown(to, number(t, m[1]), number(t, m[2])))
				}
			default: // the list of authorities; no connection is made here
				must(t, os.WriteFile(to, nil, 0o644))
			}
		case numeric.MatchString(line):
			m := numeric.FindStringSubmatch(line)
			uid, gid = number(t, m[1]), number(t, m[2])
		case word == "ENV":
			env = append(env, rest)
		case word == "ENTRYPOINT" || word == "CMD":
			var words []string
			must(t, json.Unmarshal([]byte(rest), &words))
			args = append(args, words...)
		case word != "" && word != "VOLUME" && word != "EXPOSE":
			t.Errorf("the image does %q, which this test does not know", line)
		}
	}
	if uid == 0 || gid == 0 {
		t.Fatalf("the image runs as %d:%d", uid, gid)
	}
	must(t, os.Chmod(root, 0o555))

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := ln.Addr().String()
	must(t, ln.Close())
	for i, a := range args {
		args[i] = strings.Replace(a, "--listen=:8080", "--listen="+address, 1)
	}
	var log strings.Builder
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(env, "SHIPPOST_PUBLIC_URL=https://posts.example", "SHIPPOST_TRUSTED_PROXIES=127.0.0.1", "SHIPPOST_TIKTOK_CLIENT_KEY=key",
		"SHIPPOST_TIKTOK_CLIENT_SECRET=secret-of-the-app")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	} else {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getgid(), Size: 1}}
	}
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	healthy := func() bool {
		resp, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !healthy() {
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v\n%s", err, log.String())
		case <-tick.C:
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	must(t, err)
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("it can do more than an ordinary user; want %s in\n%s", want, status)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, log.String())
	}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		inside := strings.TrimPrefix(path, root)
		own := strings.HasPrefix(inside+"/", "/data/") || strings.HasPrefix(inside+"/", "/tmp/")
		if err == nil && (own && info.Mode().Perm()&0o077 != 0 || !own && info.Mode().Perm()&0o022 != 0 || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0) {
			t.Errorf("%s has the mode %s", inside, info.Mode())
		}
		return err
	}))
	if _, err := os.Stat(filepath.Join(root, "data", "shippost.db")); err != nil {
		t.Errorf("no data was written: %v", err)
	}
}

// TestPromise_P14_DeploymentsGiveNothingAway: the descriptions that are shipped take every privilege from the program.
func TestPromise_P14_DeploymentsGiveNothingAway(t *testing.T) {
	t.Parallel()
	for file, lines := range map[string][]string{
		"compose.yaml": {"    read_only: true", "    cap_drop: [ALL]", `    security_opt: ["no-new-privileges:true"]`, `    ports: ["127.0.0.1:8080:8080"]`,
			`    volumes: ["data:/data"]`, `    tmpfs: ["/tmp:mode=0700,uid=10001,gid=10001"]`},
		"shippost.service": {"DynamicUser=yes", "CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "UMask=0077"},
	} {
		text, err := os.ReadFile(filepath.Join("..", "deploy", file))
		must(t, err)
		for _, line := range lines {
			if !strings.Contains(string(text), "\n"+line+"\n") {
				t.Errorf("deploy/%s lacks %q", file, strings.TrimSpace(line))
			}
		}
		for _, word := range []string{"privileged:", "cap_add", "AmbientCapabilities", "User=root", "network_mode: host"} {
			if strings.Contains(string(text), word) {
				t.Errorf("deploy/%s says %q", file, word)
			}
		}
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}
