package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost/internal/store"
)

// ack is something the product told somebody, and when they had heard it.
type ack struct {
	at   time.Time
	what string // created, edited, cancelled, ready
	id   string
	text string // the caption
}

// acked notes what the product said.
func (w *world) acked(what, id, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acks = append(w.acks, ack{time.Now(), what, id, text})
}

// recording is some rounds of which every change of a file is known.
type recording struct {
	w       *world
	before  *disk
	changes []change
	inits   []seen // what the simulator saw
}

// recordRounds plays some rounds in a new world while every change of a file is recorded.
func recordRounds(ctx context.Context, binary, folder string, clips clips, seed uint64, rounds int) (_ *recording, err error) {
	log := func(string, ...any) {}
	w, err := open(ctx, setup{name: "power cuts", nodes: 1, people: people, seed: seed}, binary, folder, clips, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := &recording{w: w}
	if r.changes, r.before, err = w.record(ctx, rounds); err != nil {
		return nil, err
	}
	return r, w.control(ctx, http.MethodGet, "/_sim/publishes", nil, &r.inits)
}

// String says how much there is.
func (rec *recording) String() string {
	return fmt.Sprintf("%d changes of files, %d things that were told, %d inits", len(rec.changes), len(rec.w.acks), len(rec.inits))
}

// record plays rounds under strace and returns the changes, and the disk as it was before them.
func (w *world) record(ctx context.Context, rounds int) ([]change, *disk, error) {
	n := w.nodes[0]
	if err := n.end(); err != nil {
		return nil, nil, err
	}
	before, err := newDisk(w.folder)
	if err != nil {
		return nil, nil, err
	}
	n.trace = filepath.Join(w.folder, "trace")
	if err := n.run(ctx); err != nil {
		return nil, nil, err
	}
	for i := range rounds {
		stories, err := (&round{w: w, number: i, timeout: 3 * time.Minute, spread: 3 * time.Second}).play(ctx)
		if err == nil {
			err = w.connectAgain(ctx, stories)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := n.end(); err != nil {
		return nil, nil, err
	}
	if err := awaitTrace(ctx, n.trace); err != nil {
		return nil, nil, err
	}
	changes, err := readTraceFile(n.trace, w.folder)
	return changes, before, err
}

// awaitTrace waits until strace has written its last line.
func awaitTrace(ctx context.Context, trace string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for last := int64(-1); ; {
		info, err := os.Stat(trace)
		if err != nil {
			return fmt.Errorf("strace (Debian package strace) recorded nothing: %w", err)
		}
		if info.Size() == last {
			return nil
		}
		last = info.Size()
		select {
		case <-ctx.Done():
			return fmt.Errorf("strace does not end: %w", ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// cutPower cuts the power at so many points of the record, chosen by the seed (R15): the database must open, be sound, know
// everything that was told to anybody or sent to the platform before, and name no file that is not there whole. Every
// other time all that was not synced is gone, else chance decides.
func (rec *recording) cutPower(ctx context.Context, seed uint64, cuts int) error {
	w, d, changes, inits := rec.w, rec.before.clone(), rec.changes, rec.inits
	r := rand.New(rand.NewPCG(seed, 5))
	points := make([]int, cuts)
	for i := range points {
		points[i] = r.IntN(len(changes))
	}
	slices.Sort(points)
	scratch, err := os.MkdirTemp(w.folder, "cut-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	var failures []error
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, 2)
	next := 0
	for k, c := range changes {
		d.apply(k, c)
		for ; next < len(points) && points[next] == k; next++ {
			var chance *rand.Rand
			if next%2 == 1 {
				chance = rand.New(rand.NewPCG(seed, uint64(next)))
			}
			files, number := d.cut(chance), next
			places <- struct{}{}
			all.Go(func() {
				defer func() { <-places }()
				place := filepath.Join(scratch, fmt.Sprint(number))
				if err := w.afterCut(ctx, files, c.at, inits, place); err != nil {
					mu.Lock()
					failures = append(failures, fmt.Errorf("seed %d, power cut %d after change %d (%s %s), with chance %t: %w", seed, number, k, c.call, c.path, chance != nil, err))
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	return errors.Join(failures[:min(len(failures), 5)]...)
}

// afterCut looks at what a power cut left.
func (w *world) afterCut(ctx context.Context, files map[string][]byte, at float64, inits []seen, place string) error {
	if err := os.MkdirAll(place, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(place)
	for name, text := range under(files, w.nodes[0].folder) {
		if strings.HasPrefix(name, "shippost.db") && !strings.HasSuffix(name, "-shm") {
			if err := os.WriteFile(filepath.Join(place, name), text, 0o600); err != nil {
				return err
			}
		}
	}
	db, err := store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(place, "shippost.db")})
	if err != nil {
		return fmt.Errorf("the database does not open: %w", err)
	}
	defer db.Close()
	var sound string
	if err := db.SQL().QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		return fmt.Errorf("the database is not sound: %s %w", sound, err)
	}
	cut := time.UnixMicro(int64(at * 1e6))
	return errors.Join(w.knowsAcks(ctx, db.SQL(), cut), knowsEffects(ctx, db.SQL(), inits, cut), hasFiles(ctx, db.SQL(), under(files, filepath.Join(w.folder, "media"))))
}

// knowsAcks makes sure that everything is there that anybody had been told before the cut.
func (w *world) knowsAcks(ctx context.Context, db *sql.DB, cut time.Time) error {
	for _, a := range w.acks {
		if !a.at.Before(cut) {
			continue
		}
		var status, caption string
		table, columns := "posts", "status, caption"
		if a.what == "ready" {
			table, columns = "media", "status, ''"
		}
		err := db.QueryRowContext(ctx, "SELECT "+columns+" FROM "+table+" WHERE id = $1", a.id).Scan(&status, &caption)
		if err != nil {
			return fmt.Errorf("it was told that %s is %s: %w", a.id, a.what, err)
		}
		if (a.what == "cancelled" || a.what == "ready") && status != a.what || a.what == "edited" && caption != a.text {
			return fmt.Errorf("it was told that %s is %s %q; it is %s %q", a.id, a.what, a.text, status, caption)
		}
	}
	return nil
}

// knowsEffects makes sure that each effect on the platform before the cut has its record: an intent for each init, a
// committing row for each last byte.
func knowsEffects(ctx context.Context, db *sql.DB, inits []seen, cut time.Time) error {
	for _, p := range inits {
		if !p.FirstInitAt.Before(cut) {
			continue
		}
		var intents int
		err := db.QueryRowContext(ctx, `SELECT count(*) FROM attempts a JOIN posts p ON p.id = a.post_id JOIN accounts c ON c.id = a.account_id
			WHERE c.name = $1 AND a.init_sent_at IS NOT NULL`, p.Creator).Scan(&intents)
		if err != nil {
			return err
		}
		known := 0
		for _, other := range inits {
			if other.Creator == p.Creator && other.FirstInitAt.Before(cut) {
				known++
			}
		}
		if intents < known {
			return fmt.Errorf("%d inits of %s reached the platform, %d have a record", known, p.Creator, intents)
		}
		if p.LastByteAt.IsZero() || !p.LastByteAt.Before(cut) {
			continue
		}
		var guarded sql.NullInt64
		if err := db.QueryRowContext(ctx, "SELECT guarded_at FROM attempts WHERE publish_id = $1", p.PublishID).Scan(&guarded); err != nil || !guarded.Valid {
			return fmt.Errorf("the last byte of %q reached the platform without a committing row (%v): %w", p.Caption, guarded, err)
		}
		var missing int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pulls WHERE last_byte_at IS NULL AND attempt_id =
			(SELECT id FROM attempts WHERE publish_id = $1)`, p.PublishID).Scan(&missing); err != nil || missing > 0 {
			return fmt.Errorf("all of %q reached the platform, and %d photos have no record of it: %w", p.Caption, missing, err)
		}
	}
	return nil
}

// hasFiles makes sure that no row names a file that is not there whole.
func hasFiles(ctx context.Context, db *sql.DB, media map[string][]byte) error {
	rows, err := db.QueryContext(ctx, `SELECT m.id, m.status, m.blob_key, m.size, m.sha256, COALESCE(u.received, 0)
		FROM media m LEFT JOIN uploads u ON u.media_id = m.id WHERE m.status IN ('ready', 'checking', 'receiving')`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, status, key, sum string
		var size, received int64
		if err := rows.Scan(&id, &status, &key, &size, &sum, &received); err != nil {
			return err
		}
		found := false
		for name, text := range media {
			switch {
			case !strings.HasPrefix(path.Base(name), id):
			case status == "ready":
				got := sha256.Sum256(text)
				found = found || int64(len(text)) == size && hex.EncodeToString(got[:]) == sum
			default:
				found = found || int64(len(text)) >= received
			}
		}
		if !found {
			return fmt.Errorf("media %s is %s with %d of %d bytes, and no file has them", id, status, received, size)
		}
	}
	return rows.Err()
}
