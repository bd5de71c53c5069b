package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// summary is the table at the end of a run.
func summary(campaigns []campaign, tallies []tally, total tally) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nworld\trounds\tfault points\tkills\tposts\tlive\twithdrawn\tuntracked\tlost\tduplicated\tearly\tother faults")
	row := func(name string, y tally) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", name, y.rounds, len(y.reached), y.kills,
			y.posts, y.live, y.withdrawn, y.untracked, y.lost, y.duplicated, y.early, y.other)
	}
	for i, c := range campaigns {
		row(c.name, tallies[i])
	}
	row("all", total)
	t.Flush()
	var never []string
	for _, name := range pointsOfProduct() {
		if total.passed[name] == 0 {
			never = append(never, name)
		}
	}
	fmt.Fprintf(&b, "fault points: %d, passed %d, killed or paused at %d\n", len(pointsOfProduct()), len(pointsOfProduct())-len(never), len(total.reached))
	fmt.Fprintf(&b, "answers with bytes of photos: %d; good ends in the middle of the work: %d\n", total.fetches, total.ends)
	if total.sets > 0 {
		fmt.Fprintf(&b, "clocks set wrong: %d times; publishing held for that: %d times\n", total.sets, total.holds)
	}
	if len(never) > 0 {
		fmt.Fprintf(&b, "never passed: %s\n", strings.Join(never, " "))
	}
	for _, f := range slices.Compact(slices.Clone(total.found)) {
		fmt.Fprintln(&b, "FAULT:", f)
	}
	return b.String()
}
