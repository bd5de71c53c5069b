// Command chaos proves the claim on the front page: never twice, never silently not at all, never early. It runs the
// real program against the simulated TikTok, kills it at each fault point and at random moments, stops it, breaks the
// network and the disk, sets its clock wrong, and then holds what viewers would see against what the owners of the posts were told.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run plays the seeds of past failures and then a new run. With a seed of its own it plays that alone.
func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.seed == 0 {
		past, err := seeds(pastFailures)
		if err != nil {
			return err
		}
		for _, p := range past {
			p.out, p.parallel = o.out, o.parallel
			if err := p.run(ctx); err != nil {
				return fmt.Errorf("a past failure is back: %w", err)
			}
		}
		o.seed = uint64(time.Now().UnixNano())
	}
	return o.run(ctx)
}

//go:embed testdata/seeds.txt
var pastFailures string

// seeds reads the runs that are to be repeated.
func seeds(text string) (list []options, err error) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		args := strings.Fields(strings.ReplaceAll(line, `\ `, "\x00"))
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "\x00", " ")
		}
		o, err := parse(args)
		if err != nil {
			return nil, fmt.Errorf("seeds.txt: %q: %w", line, err)
		}
		list = append(list, o)
	}
	return list, nil
}

// line is how a run of one world is written in seeds.txt.
func (o options) line(world string) string {
	return fmt.Sprintf("-seed %d -chain %d -random %d -storms %d -disks %d -cuts %d -clocks %d -only %s", o.seed, o.chain, o.random, o.storms, o.disks, o.cuts, o.clocks,
		strings.ReplaceAll(world, " ", `\ `))
}

// parse reads the flags.
func parse(args []string) (options, error) {
	o := options{out: os.Stdout, pauses: states, length: 12}
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.Uint64Var(&o.seed, "seed", 0, "drives everything that is random; 0 makes one up and plays past failures first. It is printed, so that a run can be repeated")
	f.StringVar(&o.only, "only", "", "run only the worlds whose name contains this, such as SQLite")
	f.IntVar(&o.chain, "chain", 1, "fault points per round, at which the program is killed one after the other")
	f.IntVar(&o.random, "random", 24, "rounds with kills at random moments, per engine")
	f.IntVar(&o.storms, "storms", 12, "rounds with a bad network, per engine")
	f.IntVar(&o.disks, "disks", 3, "rounds for each way in which a disk fails, on SQLite; 0 needs no strace")
	f.IntVar(&o.cuts, "cuts", 3000, "power cuts over a record of every write, on SQLite; 0 needs no strace")
	f.IntVar(&o.clocks, "clocks", 4, "rounds in which clocks are set wrong and right again, per engine; each takes some minutes")
	f.Func("pauses", "fault points at which a node is stopped for longer than its lease, with commas between; all states when left out", func(list string) error {
		o.pauses = strings.Split(list, ",")
		return nil
	})
	f.IntVar(&o.parallel, "parallel", 4, "worlds that run at once")
	f.StringVar(&o.keep, "keep", "", "folder for logs and data, kept afterwards; empty: a temporary one, kept only after a failure")
	return o, f.Parse(args)
}
