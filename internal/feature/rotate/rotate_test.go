package rotate_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// certificates are more values than are sealed anew at once.
const certificates = 230

// house is a server's database, keys and files, with a value in each sealed column.
type house struct {
	t           *testing.T
	url         string
	keys, media string
	db          *store.DB
	sealer      *seal.Sealer
	chain       *journal.Chain
	account     shippost.AccountID
	attempt     shippost.Attempt
	grant       store.Grant
	ahead       atomic.Int64 // how far its clock is ahead, a time.Duration
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	for name, url := range map[string]func(*testing.T) string{"sqlite": storetest.SQLiteURL, "postgres": storetest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, build(t, url(t)))
		})
	}
}

// open opens what lies on disk, as a process that starts does.
func (h *house) open() {
	h.t.Helper()
	var err error
	h.db, err = store.Open(h.t.Context(), store.Options{URL: h.url, Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }})
	must(h.t, err)
	h.sealer, err = seal.CreateOrLoad(h.t.Context(), h.keys)
	must(h.t, err)
	bucket, err := diskblob.Open(h.media)
	must(h.t, err)
	h.t.Cleanup(func() { _ = bucket.Close() })
	h.chain = journal.NewChain(journal.ChainOptions{DB: h.db, Sealer: h.sealer, Bucket: bucket, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

// rotator returns a Rotator of this process.
func (h *house) rotator(shared bool) *rotate.Rotator {
	return rotate.New(rotate.Options{DB: h.db, Sealer: h.sealer, Chain: h.chain, Shared: shared, Log: slog.New(slog.DiscardHandler)})
}

func build(t *testing.T, url string) *house {
	t.Helper()
	folder := t.TempDir()
	h := &house{t: t, url: url, keys: filepath.Join(folder, "keys"), media: filepath.Join(folder, "media")}
	h.open()
	t.Cleanup(func() { _ = h.db.Close() })
	ctx := t.Context()
	owner := storetest.Workspace(t, h.db)
	h.account = storetest.Account(t, h.db, owner).ID
	now := time.Now().Truncate(time.Microsecond)
	sealed := func(table, column, id string) string {
		text, err := h.sealer.Seal(shippost.NewSecret(id), seal.Row{Table: table, Column: column, ID: id})
		must(t, err)
		return text
	}
	post := shippost.Post{ID: shippost.NewPostID(now), Workspace: owner.Workspace, Account: h.account, Status: shippost.PostPublishing, Phase: shippost.PhaseStaging,
		Due: shippost.Due{At: now}, Version: 1, CreatedBy: owner.User, CreatedAt: now, UpdatedAt: now}
	h.attempt = shippost.Attempt{ID: shippost.NewAttemptID(now), Post: post.ID, Workspace: owner.Workspace, Account: h.account, PostVersion: 1,
		State: shippost.AttemptOpen, Owner: "node_a", PlannedAt: now, OpenedAt: now}
	h.attempt.UploadURL = sealed("attempts", "upload_url", string(h.attempt.ID))
	h.grant = store.Grant{Account: h.account, AccessToken: sealed("grants", "access_token", string(h.account)), RefreshToken: sealed("grants", "refresh_token", string(h.account)),
		AccessIssuedAt: now, AccessExpiresAt: now.Add(time.Hour), Version: 1}
	letter := shippost.Letter{ID: shippost.NewLetterID(now), Once: "once", CreatedAt: now}
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		for i := range certificates {
			name := fmt.Sprintf("certificate:%03d", i)
			if err := tx.SetMeta(ctx, name, sealed("meta", "value", name)); err != nil {
				return err
			}
		}
		check, err := h.sealer.Check()
		_, late := tx.InsertLetter(ctx, &letter, sealed("letters", "content", string(letter.ID)))
		return errors.Join(err, late, tx.SetMeta(ctx, seal.CheckID, check),
			tx.InsertGrant(ctx, &h.grant), tx.InsertPost(ctx, &post), tx.InsertAttempt(ctx, &h.attempt),
			tx.InsertOAuthFlow(ctx, &store.OAuthFlow{StateHash: "state", Purpose: "sign_in", Platform: shippost.TikTok, Verifier: sealed("oauth_flows", "verifier", "state"), CreatedAt: now, ExpiresAt: now}),
			tx.SaveAddress(ctx, store.Address{User: owner.User, Mail: "ada@example.com", LeaveToken: sealed("addresses", "leave_token", string(owner.User))}),
			tx.InsertAdministrator(ctx, &store.Administrator{ID: "adm_1", Name: "Olga", CreatedAt: now}),
			tx.InsertAdminFallback(ctx, &store.AdminFallback{Admin: "adm_1", User: owner.User, Seed: sealed("admin_fallbacks", "seed", "adm_1"), Pending: sealed("admin_fallbacks", "pending", "adm_1"), CreatedAt: now}),
			tx.Record(ctx, shippost.Entry{Kind: shippost.EntryAdminRead, Actor: shippost.Actor{Kind: shippost.ActorSystem}}))
	})
	must(t, h.chain.Seal(ctx))
	return h
}

// check looks at every sealed value as a process that starts sees it: all open, and with what they were sealed.
func (h *house) check() (old int) {
	h.t.Helper()
	for _, c := range store.SealedColumns {
		n := 0
		storetest.View(h.t, h.db, func(tx *store.Tx) error {
			list, err := tx.SealedValues(h.t.Context(), c, "", 1000)
			n = len(list)
			for _, v := range list {
				plain, err := h.sealer.Open(v.Value, seal.Row{Table: c.Table, Column: c.Column, ID: v.ID})
				if err != nil || v.ID != seal.CheckID && plain.Reveal() != v.ID {
					h.t.Errorf("%s.%s of %s: %q, %v", c.Table, c.Column, v.ID, plain.Reveal(), err)
				}
				if h.sealer.IsOld(v.Value) {
					old++
				}
			}
			return err
		})
		if want := map[bool]int{true: certificates + 1, false: 1}[c.Table == "meta"]; n != want {
			h.t.Errorf("%s.%s has %d values, want %d", c.Table, c.Column, n, want)
		}
	}
	if r, err := h.chain.Verify(h.t.Context()); err != nil || r.Breaks != 0 {
		h.t.Errorf("the chain: %s, %v", r.Sentence(), err)
	}
	return old
}

// rotated counts the entries that tell of a rotation.
func (h *house) rotated() int { return len(storetest.Entries(h.t, h.db, shippost.EntryKeysRotated)) }

// A rotation seals every value anew and retires the old key; each rotation has one entry.
func TestS19_Rotate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for n := 1; n <= 2; n++ {
			before := h.sealer.InUse()
			must(t, h.rotator(true).Begin(ctx, false))
			if old := h.check(); old != certificates+9 || h.sealer.InUse() == before {
				t.Errorf("begun: %d values of an old key", old)
			}
			result, err := h.rotator(true).Finish(ctx)
			if err != nil || result.Waits != "" || len(result.Unreadable) > 0 || result.Resealed != certificates+9 {
				t.Fatalf("%+v, %v", result, err)
			}
			if old := h.check(); old != 0 || h.sealer.HasOld() || h.rotated() != n {
				t.Errorf("finished: %d values of an old key, old keys: %v, %d entries", old, h.sealer.HasOld(), h.rotated())
			}
		}
		if result, err := h.rotator(true).Finish(ctx); err != nil || result.Resealed != 0 || result.Waits != "" {
			t.Errorf("again: %+v, %v", result, err)
		}
	})
}

// A value that no key opens is named, stays what it is, and keeps no old key alive, whoever sealed it.
func TestUnreadableValuesAreNamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		stranger, err := seal.CreateOrLoad(ctx, filepath.Join(t.TempDir(), "keys"))
		must(t, err)
		lost, err := stranger.Seal(shippost.NewSecret("x"), seal.Row{Table: "meta", Column: "value", ID: "certificate:lost"})
		must(t, err)
		storetest.Update(t, h.db, func(tx *store.Tx) error {
			other, err := tx.Meta(ctx, "certificate:001") // in another row it does not open
			return errors.Join(err, tx.SetMeta(ctx, "certificate:lost", lost), tx.SetMeta(ctx, "certificate:moved", other))
		})
		must(t, h.rotator(true).Begin(ctx, false))
		result, err := h.rotator(true).Finish(ctx)
		if err != nil || result.Waits != "" || fmt.Sprint(result.Unreadable) != "[meta.value of certificate:lost meta.value of certificate:moved]" || h.sealer.HasOld() {
			t.Errorf("%+v, %v", result, err)
		}
		storetest.View(t, h.db, func(tx *store.Tx) error {
			if now, err := tx.Meta(ctx, "certificate:lost"); now != lost || err != nil {
				t.Errorf("it was changed: %v", err)
			}
			return nil
		})
	})
}

// A rotation that goes on after a crash has the key it had begun with; one that answers a breach makes another.
func TestARotationGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		must(t, h.rotator(true).Begin(ctx, false))
		begun := h.sealer.InUse()
		must(t, h.rotator(true).Begin(ctx, false))
		if h.sealer.InUse() != begun || h.rotated() != 1 {
			t.Errorf("the key is another one, or noted %d times", h.rotated())
		}
		must(t, h.rotator(true).Begin(ctx, true))
		if h.sealer.InUse() == begun || h.rotated() != 2 {
			t.Errorf("no new key after a breach, or noted %d times", h.rotated())
		}
		result, err := h.rotator(true).Finish(ctx)
		if old := h.check(); err != nil || result.Waits != "" || old != 0 || h.sealer.HasOld() {
			t.Errorf("%+v, %v, %d of an old key", result, err, old)
		}
	})
}

// As long as another server may seal with the old key, or write back what it has in memory, the old key stays.
func TestOtherServersAreWaitedFor(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.PostgresURL(t))
	ctx := t.Context()
	other, err := seal.CreateOrLoad(ctx, h.keys) // it looks at the same shelf
	must(t, err)
	there := rotate.New(rotate.Options{DB: h.db, Sealer: other, Chain: h.chain, Shared: true, Log: slog.New(slog.DiscardHandler)})
	storetest.Update(t, h.db, func(tx *store.Tx) error { return tx.InsertNode(ctx, "node_b") })

	// Where it would never learn the new key nothing is begun.
	before := h.sealer.InUse()
	if err := h.rotator(false).Begin(ctx, true); !shippost.IsCode(err, "servers_run") || h.sealer.InUse() != before {
		t.Fatalf("with keys of its own: %v", err)
	}
	late := ""
	storetest.View(t, h.db, func(tx *store.Tx) (err error) { late, err = tx.Meta(ctx, "certificate:000"); return err })
	must(t, h.rotator(true).Begin(ctx, false))
	waits := func(want string) {
		t.Helper()
		result, err := h.rotator(true).Finish(ctx)
		if err != nil || !strings.Contains(result.Waits, want) || !h.sealer.HasOld() {
			t.Fatalf("%+v, %v; want it to wait for %q", result, err, want)
		}
	}
	waits("node_b has not taken the new key")
	must(t, there.Tell(ctx, "node_b"))
	if other.InUse() != h.sealer.InUse() {
		t.Fatal("it has not taken the new key")
	}
	// The attempt and the renewal began before, so its row may be written back as it was.
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		intended, err := tx.ClaimRefresh(ctx, h.account, 1, "hash", "node_b", store.Patience{})
		if !intended {
			t.Error("no renewal was begun")
		}
		return err
	})
	waits("2 posts or renewals")
	h.ahead.Add(int64(5*time.Minute + time.Second)) // its answer was lost, and nobody tries again
	waits("1 posts or renewals")
	h.grant.Version = 2
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		_, err := tx.ReplaceGrant(ctx, h.grant, 1) // with the refresh token as the old key sealed it
		return err
	})
	waits("1 posts or renewals")
	h.attempt.State, h.attempt.Death, h.attempt.EndedAt = shippost.AttemptDead, "D1", time.Now()
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		saved, err := tx.SaveAttempt(ctx, &h.attempt, shippost.AttemptOpen)
		if !saved {
			t.Error("the attempt was not saved")
		}
		return err
	})
	// What it sealed before it took the key is committed only now.
	waits("may still turn up")
	h.ahead.Add(int64(110 * time.Second))
	storetest.Update(t, h.db, func(tx *store.Tx) error { return tx.SetMeta(ctx, "certificate:000", late) })
	waits("may still turn up")
	h.ahead.Add(int64(110 * time.Second))
	waits("may still turn up")
	h.ahead.Add(int64(11 * time.Second))
	if result, err := h.rotator(true).Finish(ctx); err != nil || result.Waits != "" || h.sealer.HasOld() {
		t.Fatalf("%+v, %v", result, err)
	}
	if old := h.check(); old != 0 {
		t.Errorf("%d values of an old key", old)
	}
	must(t, there.Tell(ctx, "node_b"))
	if other.HasOld() {
		t.Error("the other server has the old key still")
	}
}

// A server that read the keyset and was not known yet takes the one there is before it seals anything, and says so. Coming to run it keeps its row.
func TestAServerThatStartsTakesTheKeysThereAre(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.PostgresURL(t))
	ctx := t.Context()
	other, err := seal.CreateOrLoad(ctx, h.keys)
	must(t, err)
	must(t, h.rotator(true).Begin(ctx, false))
	if result, err := h.rotator(true).Finish(ctx); err != nil || result.Waits != "" || h.sealer.HasOld() {
		t.Fatalf("%+v, %v", result, err)
	}
	there := rotate.New(rotate.Options{DB: h.db, Sealer: other, Chain: h.chain, Shared: true, Log: slog.New(slog.DiscardHandler)})
	must(t, there.Join(ctx, "node_b"))
	if other.InUse() != h.sealer.InUse() {
		t.Error("it seals with a key that is gone")
	}
	known := func() (list []store.Node) {
		storetest.View(t, h.db, func(tx *store.Tx) (err error) { list, err = tx.Nodes(ctx); return err })
		return list
	}
	joined := known()
	if len(joined) != 1 || joined[0].Key != int64(other.InUse()) {
		t.Fatalf("known are %+v", joined)
	}
	h.ahead.Add(int64(time.Minute))
	storetest.Update(t, h.db, func(tx *store.Tx) error { return tx.InsertNode(ctx, "node_b") })
	if runs := known(); len(runs) != 1 || runs[0].Key != joined[0].Key || !runs[0].StartedAt.Equal(joined[0].StartedAt) || !runs[0].BeatAt.After(joined[0].BeatAt) {
		t.Errorf("known are %+v", runs)
	}
	must(t, there.Leave(ctx, "node_b"))
	if left := known(); len(left) != 0 {
		t.Errorf("known are %+v", left)
	}
}

// A server that was killed is waited for as long as it might come back, and no longer.
func TestAKilledServerIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	h := build(t, url)
	ctx := t.Context()
	storetest.Update(t, h.db, func(tx *store.Tx) error { return tx.InsertNode(ctx, "node_b") })
	must(t, h.rotator(true).Begin(ctx, false))
	if result, err := h.rotator(true).Finish(ctx); err != nil || result.Waits == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	later := storetest.Open(t, url, storetest.At(func() time.Time { return time.Now().Add(61 * time.Minute) }))
	chain := journal.NewChain(journal.ChainOptions{DB: later, Sealer: h.sealer, Log: slog.New(slog.DiscardHandler)})
	r := rotate.New(rotate.Options{DB: later, Sealer: h.sealer, Chain: chain, Shared: true, Log: slog.New(slog.DiscardHandler)})
	if result, err := r.Finish(ctx); err != nil || result.Waits != "" || h.sealer.HasOld() {
		t.Errorf("%+v, %v", result, err)
	}
}

// S19: a process is killed at each step of a rotation. What is there always opens, and calling it again comes to the same end.
func TestS19_KilledAtEachStep(t *testing.T) {
	t.Parallel()
	victim := filepath.Join(t.TempDir(), "victim")
	build := exec.Command("go", "build", "-tags=chaos", "-o", victim, "./testdata/victim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is compiled for other tests already
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	each(t, func(t *testing.T, h *house) {
		want := 0
		for _, at := range []string{"rotate.added", "rotate.noted", "rotate.resealed@1", "rotate.resealed@2", "rotate.resealed@4", "rotate.counted", "store.committing@3", "store.committed@5"} {
			point, hit, counted := strings.Cut(at, "@")
			order := point + "=kill"
			if counted {
				order += "@" + hit
			}
			must(t, h.db.Close())
			cmd := exec.Command(victim, h.url, h.keys, h.media)
			cmd.Env = append(os.Environ(), "SHIPPOST_CHAOS="+order)
			out, err := cmd.CombinedOutput()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%s: the victim ended with %v\n%s", at, err, bytes.TrimSpace(out))
			}
			h.open()
			if h.check(); !h.sealer.HasOld() {
				t.Errorf("%s: the old key is gone already", at)
			}
			must(t, h.rotator(true).Begin(t.Context(), false))
			result, err := h.rotator(true).Finish(t.Context())
			if want++; err != nil || result.Waits != "" || h.sealer.HasOld() || h.rotated() != want {
				t.Errorf("%s: again: %+v, %v; %d entries, want %d", at, result, err, h.rotated(), want)
			}
			if old := h.check(); old != 0 {
				t.Errorf("%s: %d values of an old key", at, old)
			}
		}
	})
}
