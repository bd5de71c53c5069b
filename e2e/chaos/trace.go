package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// change is one recorded system call that changes a file, or makes changes durable.
type change struct {
	call    string // write, truncate, create, rename, unlink, sync
	path    string
	to      string // of a rename
	data    []byte
	offset  int64   // of a write; -1: at the end. Of a truncation: the new size
	began   int     // how many changes were complete when it began
	at      float64 // seconds since 1970, when it began
	existed bool    // create: the file may have been there
}

// traced is what strace records: everything by which the program changes its folders.
const traced = "open,openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,link,linkat,copy_file_range,sendfile"

// underStrace returns the command that runs a program and records it. With -D the program stays our own child.
func underStrace(trace, program string, args ...string) (string, []string) {
	return "strace", append([]string{"-D", "-f", "-q", "-ttt", "-y", "-xx", "-s", "8388608", "--seccomp-bpf", "-e", "signal=none", "-e", "trace=" + traced,
		"-o", trace, program}, args...)
}

// notes are files that only the proof itself has written.
var notes = []string{"passes", "log"}

var (
	callLine = regexp.MustCompile(`^(\d+) +(\d+\.\d+) (\w+)\((.*)$`)
	resumed  = regexp.MustCompile(`^(\d+) +(\d+\.\d+) <\.\.\. (\w+) resumed>(.*)$`)
	outcome  = regexp.MustCompile(`\) += (-?\d+)(<[^>]*>)?[^"]*$`)
	handle   = regexp.MustCompile(`^(-?\d+|AT_FDCWD)(?:<([^>]*)>(\(deleted\))?)?`)
	quoted   = regexp.MustCompile(`^"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?`)
)

// readTrace returns the changes below a folder in the order in which they were complete.
func readTrace(r io.Reader, folder string) ([]change, error) {
	lines := bufio.NewReaderSize(r, 1<<20)
	type begun struct {
		text  string
		at    float64
		count int
	}
	open := map[string]begun{}
	var list []change
	for {
		text, err := lines.ReadString('\n')
		if text == "" && err == io.EOF {
			return list, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		text = strings.TrimRight(text, "\n")
		b := begun{count: len(list)}
		var pid, call string
		if m := resumed.FindStringSubmatch(text); m != nil {
			pid, call = m[1], m[3]
			b = open[pid]
			delete(open, pid)
			b.text += m[4]
		} else if m := callLine.FindStringSubmatch(text); m != nil {
			pid, call, b.text = m[1], m[3], m[4]
			b.at, _ = strconv.ParseFloat(m[2], 64)
			if before, ok := strings.CutSuffix(b.text, " <unfinished ...>"); ok {
				b.text = before
				open[pid] = b
				continue
			}
		} else {
			continue // the end of a thread
		}
		c, ok, err := parseCall(call, b.text, folder)
		if err != nil {
			return nil, fmt.Errorf("strace: %w: %.200s", err, text)
		}
		if ok && !slices.Contains(notes, filepath.Base(c.path)) {
			c.at, c.began = b.at, b.count
			list = append(list, c)
		}
	}
}

// parseCall reads one call. Those that failed, and those elsewhere, change nothing here.
func parseCall(call, text, folder string) (c change, ok bool, err error) {
	end := outcome.FindStringSubmatchIndex(text)
	if end == nil {
		return c, false, nil // it never ended
	}
	result := text[end[2]:end[3]]
	if strings.HasPrefix(result, "-") {
		return c, false, nil
	}
	args := text[:end[0]]
	next := func() {
		args = strings.TrimPrefix(strings.TrimLeft(args, " "), ",")
		args = strings.TrimLeft(args, " ")
	}
	fd := func() string {
		m := handle.FindStringSubmatch(args)
		if m == nil {
			return ""
		}
		args = args[len(m[0]):]
		next()
		if m[3] != "" {
			return "" // the file has no name any more
		}
		return unhex(m[2])
	}
	str := func() ([]byte, error) {
		m := quoted.FindStringSubmatch(args)
		if m == nil {
			return nil, fmt.Errorf("no string in %.60q", args)
		}
		if m[2] != "" {
			return nil, fmt.Errorf("a string was cut short")
		}
		args = args[len(m[0]):]
		next()
		return hex.DecodeString(strings.ReplaceAll(m[1], `\x`, ""))
	}
	at := func() (string, error) { // a folder and a name in it
		dir := fd()
		name, err := str()
		if filepath.IsAbs(string(name)) {
			return string(name), err
		}
		return filepath.Join(dir, string(name)), err
	}
	inside := func(path string) bool { return strings.HasPrefix(path, folder+"/") || path == folder }
	switch call {
	case "write", "pwrite64":
		c.call, c.path, c.offset = "write", fd(), -1
		if !inside(c.path) {
			return c, false, nil
		}
		if c.data, err = str(); err != nil {
			return c, false, err
		}
		if call == "pwrite64" {
			rest := strings.Split(args, ", ")
			if c.offset, err = strconv.ParseInt(rest[len(rest)-1], 0, 64); err != nil {
				return c, false, err
			}
		}
		n, _ := strconv.Atoi(result)
		c.data = c.data[:n]
	case "fsync", "fdatasync":
		c.call, c.path = "sync", fd()
	case "ftruncate":
		c.call, c.path = "truncate", fd()
		if c.offset, err = strconv.ParseInt(args, 0, 64); err != nil {
			return c, false, err
		}
	case "open", "openat":
		if call == "openat" {
			c.path, err = at()
		} else {
			var name []byte
			name, err = str()
			c.path = string(name)
		}
		if err != nil {
			return c, false, err
		}
		if !strings.Contains(args, "O_CREAT") && !strings.Contains(args, "O_TRUNC") {
			return c, false, nil
		}
		c.call, c.existed = "create", !strings.Contains(args, "O_EXCL")
		if strings.Contains(args, "O_TRUNC") {
			c.data = []byte("truncated")
		}
	case "renameat", "renameat2":
		if c.path, err = at(); err == nil {
			c.to, err = at()
		}
		c.call = "rename"
	case "unlinkat":
		c.path, err = at()
		c.call = "unlink"
	case "rename", "unlink":
		var from, to []byte
		if from, err = str(); err == nil && call == "rename" {
			to, err = str()
		}
		c.call, c.path, c.to = call, string(from), string(to)
	default:
		// The model does not know it. It must not be used on our files.
		if inside(fd()) {
			err = fmt.Errorf("%s on a file of ours", call)
		}
		return c, false, err
	}
	return c, err == nil && (inside(c.path) || c.to != "" && inside(c.to)), err
}

// unhex reads a path as strace writes it, escaped or not.
func unhex(text string) string {
	if !strings.HasPrefix(text, `\x`) {
		return text
	}
	path, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		return text
	}
	return string(path)
}

// readTraceFile is readTrace of a file.
func readTraceFile(path, folder string) ([]change, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readTrace(f, folder)
}
