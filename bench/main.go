// Command bench measures the product from outside: it builds the release binary, runs it and the strict simulator as
// processes of their own, and prints each figure beside what is wanted of it and a baseline taken in the same run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

// line is one line of the table. Empty parts are left out.
type line struct {
	what     string // what was measured
	want     string // the figure to reach
	got      string
	baseline string // the limit or the plain way, measured in the same run
	ratio    string
}

// measurement is one group of lines. Its name chooses it on the command line.
type measurement struct {
	name string
	what string
	run  func(context.Context, *bench) ([]line, error)
}

var measurements = []measurement{
	{"start", "start, idle memory, size of the binary", measureStart},
	{"create", "creating posts over the API", measureCreate},
	{"transfer", "uploading and publishing a large file", measureTransfer},
	{"herd", "1,000 posts of 8 MB due at one instant", measureHerd},
	{"small", "10,000 small posts due at one instant", measureSmall},
	{"size", "lateness of a large file against a small one", measureSize},
	{"pending", "1,000,000 pending posts against none", measurePending},
}

// bench is what the measurements share.
type bench struct {
	dir         string // for everything that is written; removed at the end
	platformDir string // where the simulator keeps what it is sent
	binary      string // the program under test
	full        bool
	server      string     // a PostgreSQL server where each product gets a database of its own; empty: SQLite
	making      sync.Mutex // held while the clip is made
	log         func(format string, args ...any)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	full := flags.Bool("full", false, "measure with the full sizes: about an hour and 20 GB of disk instead of some minutes")
	only := flags.String("only", "", "measure these alone, with commas between: "+names())
	binary := flags.String("binary", "", "measure this program instead of a fresh build")
	server := flags.String("postgres", "", "measure on this PostgreSQL server, where databases may be created, instead of SQLite")
	tmp := flags.String("tmp", "", "folder to work in, on the disk to measure; the system's temporary folder when empty")
	platformTmp := flags.String("platform-tmp", "", "folder of the simulator; memory when empty, if there is enough of it, else the same disk")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b := &bench{binary: *binary, full: *full, log: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*tmp, "shippost-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if *platformTmp == "" {
		*platformTmp = besides(*tmp)
	}
	if b.platformDir, err = os.MkdirTemp(*platformTmp, "shippost-bench-platform-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.platformDir)) }()
	b.log("the simulator keeps what it is sent in %s", b.platformDir)
	if b.server = *server; b.server != "" {
		chosen = b.onServer(chosen)
	}
	if b.binary == "" {
		if err := b.build(ctx); err != nil {
			return err
		}
	}
	return b.measure(ctx, chosen)
}

// measure prints the lines of each measurement as soon as they are there, and goes on after one that failed.
func (b *bench) measure(ctx context.Context, chosen []measurement) error {
	var errs []error
	for _, m := range chosen {
		b.log("%s: %s", m.name, m.what)
		lines, err := m.run(ctx, b)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
		show(lines)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func show(lines []line) {
	if len(lines) == 0 {
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	_, _ = fmt.Fprintln(w, "| measured\t| wanted\t| got\t| baseline\t| ratio\t|")
	_, _ = fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t| %s\t|\n", l.what, l.want, l.got, l.baseline, l.ratio)
	}
	_, _ = fmt.Fprintln(w)
	_ = w.Flush() // to the terminal; nobody is left to tell
}

func names() string {
	var list []string
	for _, m := range measurements {
		list = append(list, m.name)
	}
	return strings.Join(list, ", ")
}

func choose(only string) ([]measurement, error) {
	if only == "" {
		return measurements, nil
	}
	var chosen []measurement
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no measurement %q; there are %s", name, names())
		}
		chosen = append(chosen, measurements[i])
	}
	return chosen, nil
}

// pick returns what the mode asks for.
func pick[T any](b *bench, quick, full T) T {
	if b.full {
		return full
	}
	return quick
}
