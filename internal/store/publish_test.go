package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestCrowd: an account's posts around a time are found, in their order, and only those that wait.
func TestCrowd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account, other := storetest.Account(t, db, actor), storetest.Account(t, db, actor)
		now := db.Now().Truncate(time.Second)
		insert := func(account shippost.Account, due time.Time, change func(*shippost.Post)) shippost.Post {
			p := aPost(actor, account, due)
			p.Status, p.Hold, p.Due.At = shippost.PostQueued, nil, due
			if change != nil {
				change(&p)
			}
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertPost(ctx, &p); err != nil {
					return err
				}
				return tx.SetWake(ctx, p.ID, due.Add(-time.Minute))
			})
			return p
		}
		due := now.Add(time.Hour)
		before, first, second := insert(account, due.Add(-time.Minute), nil), insert(account, due, nil), insert(account, due, nil)
		later := insert(account, due.Add(time.Second), nil)
		insert(other, due, nil)
		insert(account, due, func(p *shippost.Post) { p.Status = shippost.PostPublishing })
		insert(account, due, func(p *shippost.Post) { p.Status = shippost.PostPosted })
		insert(account, due.Add(time.Minute), nil) // too late to count
		held := insert(account, due.Add(-time.Second), func(p *shippost.Post) { p.Hold = &shippost.Hold{Code: "cap", Since: now} })
		low, high := first, second
		if low.ID > high.ID {
			low, high = high, low
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			for _, c := range []struct {
				of   shippost.Post
				want []time.Time
			}{
				{low, []time.Time{later.Due.At}},
				{high, []time.Time{due, later.Due.At}},
				{later, nil},
			} {
				got, err := tx.DueAfter(ctx, c.of, 30*time.Second)
				if err != nil || !slices.EqualFunc(got, c.want, time.Time.Equal) {
					t.Errorf("after %s: %v, %v; want %v", c.of.ID, got, err, c.want)
				}
			}
			return nil
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.MoveWakes(ctx, account.ID, due.Add(-time.Hour), due, now, -16*time.Second); err != nil {
				return err
			}
			woken, err := tx.ClaimWaking(ctx, due.Add(-2*time.Minute-10*time.Second), now.Add(24*time.Hour), 10)
			if len(woken) != 1 || woken[0] != before.ID {
				t.Errorf("woken earlier: %v, want %s alone and not %s, which waits for something else", woken, before.ID, held.ID)
			}
			return err
		})
	})
}

// TestBringForward: what a clock that was ahead put off is looked at now; what has its time keeps it.
func TestBringForward(t *testing.T) {
	t.Parallel()
	const ahead = 400 * 24 * time.Hour
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		now := db.Now().Truncate(time.Second)
		waiting := func(due, wake time.Duration) shippost.PostID {
			p := aPost(actor, account, now)
			p.Status, p.Hold, p.Due.At, p.LateWindow = shippost.PostQueued, nil, now.Add(due), time.Hour
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertPost(ctx, &p); err != nil {
					return err
				}
				return tx.SetWake(ctx, p.ID, now.Add(wake))
			})
			return p.ID
		}
		asked := func(state shippost.AttemptState, next time.Duration) shippost.AttemptID {
			p := aPost(actor, account, now)
			p.Status = shippost.PostPublishing
			a := planned(p)
			a.State, a.GuardedAt, a.NextPollAt = state, now.Add(-time.Minute), now.Add(next)
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertPost(ctx, &p); err != nil {
					return err
				}
				return tx.InsertAttempt(ctx, &a)
			})
			return a.ID
		}
		putOff, late, later := waiting(time.Hour, ahead), waiting(-time.Minute, 30*time.Minute), waiting(24*time.Hour, 23*time.Hour)
		farPoll, nearPoll, idPoll := asked(shippost.AttemptLive, ahead), asked(shippost.AttemptHandedOver, time.Hour), asked(shippost.AttemptLive, time.Hour)
		for _, c := range []struct {
			due   time.Time
			posts []shippost.PostID
			polls []shippost.AttemptID
		}{
			{time.Time{}, []shippost.PostID{putOff}, []shippost.AttemptID{farPoll}},
			{now, []shippost.PostID{late}, []shippost.AttemptID{nearPoll}},
		} {
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.BringForward(ctx, now, c.due, 6*time.Hour); err != nil {
					return err
				}
				posts, err := tx.ClaimWaking(ctx, now, now.Add(time.Hour), 10)
				if err != nil || !slices.Equal(posts, c.posts) {
					t.Errorf("due by %s: woken %v, %v; want %v and never %s", c.due, posts, err, c.posts, later)
				}
				attempts, err := tx.ClaimPolls(ctx, "node_1", now, now.Add(time.Hour), 10)
				var polls []shippost.AttemptID
				for _, a := range attempts {
					polls = append(polls, a.ID)
				}
				if err != nil || !slices.Equal(polls, c.polls) {
					t.Errorf("due by %s: to be asked %v, %v; want %v and never %s", c.due, polls, err, c.polls, idPoll)
				}
				return tx.SetNextPoll(ctx, farPoll, time.Time{})
			})
		}
	})
}

// TestPhotosDue: of an account's posts around a time those with photos are found that wait or are under way, in their order.
func TestPhotosDue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account, other := storetest.Account(t, db, actor), storetest.Account(t, db, actor)
		due := db.Now().Truncate(time.Second).Add(time.Hour)
		insert := func(account shippost.Account, kind shippost.MediaKind, status shippost.PostStatus, due time.Time) {
			m := shippost.Media{ID: shippost.NewMediaID(db.Now()), Workspace: actor.Workspace, UploadedBy: actor.User, Status: shippost.MediaReady,
				Kind: kind, FileName: "tide", Type: "image/jpeg", Size: 1, SHA256: "ab", CreatedAt: db.Now()}
			p := aPost(actor, account, due)
			p.Status, p.Hold, p.Due.At, p.Media = status, nil, due, []shippost.MediaID{m.ID}
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertMedia(ctx, &m); err != nil {
					return err
				}
				return tx.InsertPost(ctx, &p)
			})
		}
		insert(account, shippost.Photo, shippost.PostPublishing, due.Add(time.Second))
		insert(account, shippost.Photo, shippost.PostQueued, due)
		insert(account, shippost.Video, shippost.PostQueued, due)
		insert(account, shippost.Photo, shippost.PostCancelled, due)
		insert(account, shippost.Photo, shippost.PostQueued, due.Add(-time.Second)) // too early to count
		insert(account, shippost.Photo, shippost.PostQueued, due.Add(time.Minute))  // and too late
		insert(other, shippost.Photo, shippost.PostQueued, due)
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.PhotosDue(ctx, account.ID, due, due.Add(time.Minute))
			if want := []time.Time{due, due.Add(time.Second)}; !slices.EqualFunc(got, want, time.Time.Equal) {
				t.Errorf("%v, want %v", got, want)
			}
			return err
		})
	})
}

// TestCrowd_Plans: with 100,000 posts of one account waiting, none of them but those around the time is read.
func TestCrowd_Plans(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	account := storetest.Account(t, db, actor)
	storetest.Update(t, db, func(tx *store.Tx) error {
		p := aPost(actor, account, db.Now())
		p.Status = shippost.PostQueued
		if err := tx.InsertPost(t.Context(), &p); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO posts (id, workspace_id, account_id, group_id, status, phase, caption, options, due_local, due_zone, due_fold, due_at,
				late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink)
			SELECT printf('post_%026d', i), workspace_id, account_id, '', status, phase, caption, options, due_local, due_zone, due_fold, due_at + i * 1000000,
				late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink
			FROM posts, n WHERE id = $1`, string(p.ID))
		return err
	})
	if err := db.Analyze(t.Context()); err != nil {
		t.Fatal(err)
	}
	args := map[string][]any{"before": {"a", 1, "%"}, "after": {"a", 1, 2, "p"}, "photos": {"a", 1, 2, "photo"}, "move": {-1, "a", 1, 2, 3}}
	for name, query := range store.CrowdStatements {
		plan := explain(t, db, query, args[name])
		if !strings.Contains(plan, "INDEX posts_account_due (account_id=? AND due_at") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
