// Package postgres runs throw-away PostgreSQL servers for tests: on a private socket, with durable settings, gone with
// the process that started them.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a running server. It ends with Stop or with this process, however that ends, and leaves nothing behind.
type Server struct {
	URL    string // address of its database "postgres", with every right
	folder string
	alive  io.Closer // while this is open, the watcher lets the server run
	watch  *exec.Cmd
}

// script is the watcher: it runs the server until its standard input ends, which happens when the process that
// started it is gone, and then removes the folder. It is a process of its own because nobody can clean up after kill -9.
const script = `
bin=$1 dir=$2
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=400 -c shared_buffers=64MB \
	-c fsync=on -c synchronous_commit=on -c max_wal_size=256MB -c log_min_messages=fatal -c autovacuum_naptime=10min \
	>"$dir/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$dir"
`

// Start makes a new cluster and starts its server, in memory where the system has such a place: the server syncs as in
// production, and tests do not wait for a disk.
func Start(ctx context.Context) (*Server, error) { return StartIn(ctx, memory()) }

// StartIn is Start with the data in a new folder inside of parent, on the disk that is there. Others must be able to
// enter parent: as root the server runs as another user, because PostgreSQL refuses root.
func StartIn(ctx context.Context, parent string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := ordinaryUser()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if s.folder, err = privateFolder(parent, as); err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+filepath.Join(s.folder, "data"),
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = s.folder, attributes(as)
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(s.folder))
	}
	s.watch = exec.Command("/bin/sh", "-c", script, "sh", bin, s.folder)
	s.watch.Dir, s.watch.SysProcAttr = s.folder, attributes(as)
	if s.alive, err = s.watch.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.watch.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the server: %w", err), os.RemoveAll(s.folder))
	}
	s.URL = "postgres://postgres@/postgres?host=" + s.folder
	if err := s.await(ctx, bin); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the server and removes its files.
func (s *Server) Stop() error {
	if err := s.alive.Close(); err != nil {
		return err
	}
	return s.watch.Wait()
}

// await returns when the server takes connections.
func (s *Server) await(ctx context.Context, bin string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "--quiet", "--host="+s.folder).Run()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("the server does not start: %w\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries returns the folder with initdb and postgres, the newest version first.
func binaries() (string, error) {
	var folders []string
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(debian, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range append(folders, debian...) {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("these tests need a PostgreSQL server: install the package postgresql (apt-get install postgresql)")
}

// version returns the number in /usr/lib/postgresql/<number>/bin.
func version(folder string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(filepath.Base(filepath.Dir(folder))))
	return n
}

// ordinaryUser returns whom to run the server as: nobody else (nil) unless we are root.
func ordinaryUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

// attributes puts a process into a group of its own, so that an interrupt from the terminal does not reach it before
// it has cleaned up.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as}
}

// memory returns a folder whose files are in memory, or nothing if there is none with room.
func memory() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	if s, err := os.Stat("/dev/shm"); err != nil || !s.IsDir() || !roomy("/dev/shm") {
		return ""
	}
	return "/dev/shm"
}

// privateFolder makes the cluster's folder.
func privateFolder(parent string, as *syscall.Credential) (string, error) {
	folder, err := os.MkdirTemp(parent, "shippost-pg-")
	if err != nil {
		return "", err
	}
	if as != nil {
		if err := os.Chown(folder, int(as.Uid), int(as.Gid)); err != nil {
			return "", errors.Join(err, os.Remove(folder))
		}
	}
	return folder, nil
}

// roomy reports whether a file system has 2 GiB free, enough for some hundred test databases.
func roomy(folder string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(folder, &s) == nil && uint64(s.Bavail)*uint64(s.Bsize) >= 2<<30 //nolint:gosec,unconvert // the types differ between systems
}
