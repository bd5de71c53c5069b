package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"ship-post.com/shippost/internal/store/storetest/postgres"
)

// clips are the videos that all films are made of.
type clips struct {
	good []byte // TikTok's rules accept it
	slow []byte // it has too few frames a second, and is to be made anew
}

// makeClips makes short videos.
func makeClips(ctx context.Context, folder string) (c clips, err error) {
	for rate, into := range map[int]*[]byte{30: &c.good, 10: &c.slow} {
		path := filepath.Join(folder, fmt.Sprintf("clip%d.mp4", rate))
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=360x640:rate=%d:duration=3", rate),
			"-c:v", "libx264", "-preset", "ultrafast", "-crf", "45", "-pix_fmt", "yuv420p", path).CombinedOutput()
		if err != nil {
			return c, fmt.Errorf("ffmpeg (Debian package ffmpeg) made no video: %w\n%s", err, out)
		}
		if *into, err = os.ReadFile(path); err != nil {
			return c, err
		}
	}
	return c, nil
}

// engines are the ways ShipPost is run.
var engines = []struct {
	name     string
	postgres bool
	nodes    int
}{
	{"SQLite", false, 1},
	{"PostgreSQL, one node", true, 1},
	{"PostgreSQL, two nodes", true, 2},
}

// plan returns all campaigns and what ends their database server.
func (o options) plan(ctx context.Context) (list []campaign, end func() error, err error) {
	end = func() error { return nil }
	r, ofClocks := rand.New(rand.NewPCG(o.seed, 0)), rand.New(rand.NewPCG(o.seed, 7))
	points := o.points
	if points == nil {
		points = pointsOfProduct()
	}
	for _, e := range engines {
		if o.engines != nil && !slices.Contains(o.engines, e.name) {
			continue
		}
		for _, c := range o.campaigns(e.name, e.nodes, points, r) {
			c.setup.nodes, c.people, c.engine = e.nodes, people, e.name
			if c.clocks { // so that old seeds stay what they were
				c.seed = ofClocks.Uint64()
			} else {
				c.seed = r.Uint64()
			}
			if o.only == "" || strings.Contains(c.name, o.only) {
				list = append(list, c)
			}
		}
	}
	if !slices.ContainsFunc(list, func(c campaign) bool { return strings.HasPrefix(c.engine, "PostgreSQL") }) {
		return list, end, nil
	}
	server, err := postgres.Start(ctx)
	if err != nil {
		return nil, end, fmt.Errorf("PostgreSQL (Debian package postgresql): %w", err)
	}
	for i := range list {
		if !strings.HasPrefix(list[i].engine, "PostgreSQL") {
			continue
		}
		if list[i].database, err = newDatabase(ctx, server, fmt.Sprintf("chaos%d", i)); err != nil {
			return nil, end, errors.Join(err, server.Stop())
		}
	}
	return list, server.Stop, nil
}

// newDatabase makes an empty database on the server.
func newDatabase(ctx context.Context, server *postgres.Server, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "psql", "--no-psqlrc", "--quiet", server.URL, "--command", "CREATE DATABASE "+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql (Debian package postgresql-client): %w\n%s", err, out)
	}
	return strings.Replace(server.URL, "/postgres?", "/"+name+"?", 1), nil
}

// campaigns returns what is done on one engine.
func (o options) campaigns(engine string, nodes int, points []string, r *rand.Rand) []campaign {
	var list []campaign
	add := func(name string, proxied bool, steps []step) {
		// A day's posts of all creators are enough for so many rounds.
		for i, part := range slices.Collect(slices.Chunk(steps, o.length)) {
			list = append(list, campaign{setup: setup{name: fmt.Sprintf("%s, %s %d", engine, name, i+1), proxied: proxied}, steps: part})
		}
	}
	var steps []step
	for _, part := range chains(points, o.chain) {
		steps = append(steps, step{points: part, hit: 1, trouble: slices.Contains(part, "publish.settled")})
	}
	add("each fault point", false, steps)
	steps = nil
	for range o.random {
		s := step{random: true, trouble: r.IntN(3) == 0}
		if len(points) > 0 && r.IntN(2) == 0 {
			s.points, s.hit = []string{points[r.IntN(len(points))]}, 1+r.IntN(3)
		}
		steps = append(steps, s)
	}
	add("random kills", false, steps)
	steps = nil
	for range o.storms {
		steps = append(steps, step{storm: true, random: r.IntN(2) == 0, trouble: r.IntN(4) == 0})
	}
	add("bad network", true, steps)
	steps = nil
	if engine == "SQLite" {
		for i := range len(failures) * o.disks {
			steps = append(steps, step{disk: failures[i%len(failures)], random: i >= len(failures) && r.IntN(2) == 0})
		}
	}
	add("failing disk", false, steps)
	if nodes == 2 {
		steps = nil
		for _, p := range o.pauses {
			steps = append(steps, step{points: []string{p}, hit: 1, pause: true})
		}
		add("paused nodes", false, steps)
	}
	// They wait most of the time, so each pair of them is a world that runs beside others.
	for i := range (o.clocks + 1) / 2 {
		pair := []step{{clock: true}, {clock: true, random: true}}
		list = append(list, campaign{setup: setup{name: fmt.Sprintf("%s, wrong clocks %d", engine, i+1), clocks: true}, steps: pair[:min(2, o.clocks-2*i)]})
	}
	return list
}

// chains puts fault points into rounds, about n in each, in the order in which a program that is killed again and again
// meets them. What must have struck before stands before them. What people do and what tokens need stay apart from the
// rest, since a round leads there once only.
func chains(points []string, n int) [][]string {
	var list [][]string
	var part []string
	kind := func(point string) string {
		before, _, _ := strings.Cut(point, ".")
		if before == "vault" || before == "connect" {
			return before
		}
		return ""
	}
	count := 0
	for _, p := range points {
		if count == n || count > 0 && kind(p) != kind(part[0]) {
			list, part, count = append(list, part), nil, 0
		}
		for _, q := range leadingTo(p) {
			if !slices.Contains(part, q) {
				part = append(part, q)
			}
		}
		count++
	}
	if count > 0 {
		list = append(list, part)
	}
	return list
}

// states is a fault point in each state that an attempt can be in: there a node is stopped for longer than its lease (R9).
var states = []string{"publish.planned", "publish.init_intended", "publish.init_answered", "publish.opened", "publish.staged", "publish.waited",
	"publish.committing", "publish.sent", "publish.remembered", "publish.asked", "publish.issued", "gate.noted", "publish.closed"}
