package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// testLog gives a run's lines to its test.
type testLog struct{ t *testing.T }

// Write implements io.Writer.
func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}

// play carries out a short run and ends the test when the claim does not hold.
func play(t *testing.T, o options) tally {
	t.Helper()
	o.seed, o.out = uint64(time.Now().UnixNano()), testLog{t}
	total, report, err := o.all(t.Context(), t.TempDir())
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// TestR05_R10_OneNodeKilledAndBroken kills the program at each fault point in turn and at random moments, cuts its network
// and fails its disk. It also makes sure that the list of fault points is no wish: at each of them something is killed.
func TestR05_R10_OneNodeKilledAndBroken(t *testing.T) {
	t.Parallel()
	total := play(t, options{engines: []string{"SQLite"}, chain: 3, random: 2, storms: 1, disks: 1, length: 6, parallel: 4})
	for _, name := range pointsOfProduct() {
		if total.reached[name] == 0 {
			t.Errorf("nothing was killed at %s: either the stories do not lead there, or nothing passes it", name)
		}
	}
}

// TestR06_R09_TwoNodesPausedAndKilled stops a node beyond its lease around the point of no return, kills nodes at random
// and cuts their network, on PostgreSQL.
func TestR06_R09_TwoNodesPausedAndKilled(t *testing.T) {
	t.Parallel()
	pauses := []string{"publish.staged", "publish.committing"}
	total := play(t, options{engines: []string{"PostgreSQL, two nodes"}, points: []string{}, chain: 1, random: 1, storms: 1, pauses: pauses, length: 1, parallel: 4})
	for _, name := range pauses {
		if total.reached[name] == 0 {
			t.Errorf("no node was stopped at %s", name)
		}
	}
}

// TestR15_PowerCuts records every change of a file during two rounds and cuts the power at a thousand points of the record.
func TestR15_PowerCuts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	binary, err := build(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	clips, err := makeClips(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	record, err := recordRounds(t.Context(), binary, folder, clips, seed, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(record)
	if err := record.cutPower(t.Context(), seed, 1000); err != nil {
		t.Fatal(err)
	}
	// A program that never synced must not get through.
	record.changes = slices.DeleteFunc(record.changes, func(c change) bool { return c.call == "sync" })
	if record.cutPower(t.Context(), seed, 20) == nil {
		t.Error("power cuts do no harm to a program that syncs nothing: they prove nothing")
	}
}

func TestEachFaultPointHasItsRound(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		seen := map[string]bool{}
		for _, part := range chains(pointsOfProduct(), n+1) {
			if len(part) > 2*(n+1) {
				t.Errorf("%d in one round: %q", len(part), part)
			}
			for i, p := range part {
				seen[p] = true
				if lead := leadingTo(p); len(lead) > 1 && !slices.Contains(part[:i], lead[0]) {
					t.Errorf("%s stands in %q without %s before it", p, part, lead[0])
				}
			}
		}
		for _, p := range pointsOfProduct() {
			if !seen[p] {
				t.Errorf("with %d in a round nothing leads to %s", n+1, p)
			}
		}
	}
}

func TestPastFailuresCanBePlayed(t *testing.T) {
	t.Parallel()
	list, err := seeds(pastFailures)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d seeds: %v", len(list), err)
	}
	for _, o := range list {
		found := false
		for _, e := range engines {
			for _, c := range o.campaigns(e.name, e.nodes, pointsOfProduct(), rand.New(rand.NewPCG(o.seed, 0))) {
				found = found || strings.Contains(c.name, o.only)
			}
		}
		if o.seed == 0 || o.only == "" || !found {
			t.Errorf("%+v names no seed, or no world that there is", o)
		}
	}
	again, err := seeds(list[0].line(list[0].only))
	if err != nil || len(again) != 1 || again[0].only != list[0].only || again[0].seed != list[0].seed || again[0].chain != list[0].chain {
		t.Errorf("a line that is printed is read back as %+v, %v", again, err)
	}
}

func TestEarliness(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	settings := []setting{
		{node: "a", from: at(0), to: at(10)},
		{node: "b", from: at(0)},
		{node: "a", off: time.Minute, from: at(10), to: at(20)},
		{node: "a", off: 3 * time.Minute, from: at(20), to: at(30)},
		{node: "a", off: -time.Hour, from: at(30), to: at(40)},
		{node: "a", off: undetectable, from: at(40)},
	}
	for _, c := range []struct {
		second int
		want   time.Duration
	}{{5, 0}, {10, time.Minute}, {20, time.Minute}, {25, time.Minute}, {26, 0}, {35, 0}, {40, undetectable}, {4000, undetectable}} {
		if got := earliness(settings, at(c.second)); got != c.want {
			t.Errorf("after %d seconds a byte may be %s early, want %s", c.second, got, c.want)
		}
	}
}

func TestClocksAreSetByAllAmounts(t *testing.T) {
	t.Parallel()
	const most = 400 * 24 * time.Hour
	var small, middle, large, back int
	for r, n := rand.New(rand.NewPCG(1, 6)), 0; n < 1000; n++ {
		off := wrongly(r)
		if off < 0 {
			back++
		}
		switch off = off.Abs(); {
		case off < time.Second || off > most || off%time.Second != 0:
			t.Fatalf("set by %s", off)
		case off <= undetectable:
			small++
		case off <= time.Hour:
			middle++
		default:
			large++
		}
	}
	if min(small, middle, large) < 250 || back < 400 || back > 600 {
		t.Errorf("of 1000 settings %d cannot be told, %d are within an hour, %d beyond; %d back", small, middle, large, back)
	}
}

// TestClockMattered: a refusal by the time is put down to a clock only while one was wrong.
func TestClockMattered(t *testing.T) {
	t.Parallel()
	w := &world{folder: t.TempDir()}
	n := &node{w: w, name: "a", folder: w.folder}
	look := func(off time.Duration) clocks {
		if err := w.setClock(n, off); err != nil {
			t.Fatal(err)
		}
		return w.clocksNow()
	}
	right := look(0)
	if right.mattered(w.clocksNow()) {
		t.Error("a clock that is right mattered")
	}
	wrong := look(time.Hour)
	again := look(0)
	if !right.mattered(wrong) || !right.mattered(again) || !wrong.mattered(wrong) || again.mattered(again) {
		t.Errorf("%+v, %+v, %+v", right, wrong, again)
	}
	if len(w.settings) != 3 || w.settings[1].to.IsZero() || !w.settings[2].to.IsZero() {
		t.Errorf("the settings are %+v", w.settings)
	}
}
