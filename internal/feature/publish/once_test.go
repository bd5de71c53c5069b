package publish_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestR01_DatabaseRefusesASecondLivingAttempt has many try at once. Code may be wrong; the index is not.
func TestR01_DatabaseRefusesASecondLivingAttempt(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		post := shippost.Post{ID: shippost.NewPostID(clock.Now()), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostQueued,
			Due: shippost.Due{At: clock.Now()}, LateWindow: time.Hour, Version: 1, CreatedBy: actor.User, CreatedAt: clock.Now(), UpdatedAt: clock.Now()}
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &post) })
		insert := func(state shippost.AttemptState) error {
			a := shippost.Attempt{ID: shippost.NewAttemptID(clock.Now()), Post: post.ID, Workspace: actor.Workspace, Account: account.ID,
				PostVersion: 1, Epoch: 1, State: state, Owner: "node_a", Fence: 1, PlannedAt: clock.Now()}
			if state == shippost.AttemptDead {
				a.Death, a.Evidence = "D1", "{}"
			}
			return db.Update(t.Context(), func(tx *store.Tx) error { return tx.InsertAttempt(t.Context(), &a) })
		}
		must(t, insert(shippost.AttemptDead))
		var made atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if insert(shippost.AttemptPlanned) == nil {
					made.Add(1)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 {
			t.Errorf("%d living attempts of one post, want 1", made.Load())
		}
		for _, state := range []shippost.AttemptState{shippost.AttemptInitSent, shippost.AttemptOpen, shippost.AttemptCommitting,
			shippost.AttemptHandedOver, shippost.AttemptLive, shippost.AttemptUnknown} {
			if insert(state) == nil {
				t.Errorf("a second attempt that is %s was taken", state)
			}
		}
		must(t, insert(shippost.AttemptDead))
	})
}

// witness looks at the database whenever the last bytes are about to leave, with a connection of its own.
type witness struct {
	platform.Platform
	l    *lane
	seen func(shippost.Attempt)
}

// Unwrap gives the abilities of the platform.
func (w *witness) Unwrap() platform.Platform { return w.Platform }

func (w *witness) Commit(ctx context.Context, staged platform.Staged) (platform.Outcome, error) {
	id := staged.Receipt().PublishID
	err := w.l.db.View(ctx, func(tx *store.Tx) error {
		for _, p := range w.l.queued() {
			list, err := tx.Attempts(ctx, p)
			if err != nil {
				return err
			}
			for _, a := range list {
				if a.PublishID == id {
					w.seen(a)
				}
			}
		}
		return nil
	})
	if err != nil {
		return platform.Outcome{}, err
	}
	return w.Platform.Commit(ctx, staged)
}

// TestR03_NoLastByteWithoutACommittingRow publishes while inits, uploads and answers fail, and asks the database each time
// the last bytes are about to leave. Of attempts that died before, TikTok must never have got everything.
func TestR03_NoLastByteWithoutACommittingRow(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	states := map[*lane][]shippost.AttemptState{}
	set := laneSet{
		knobs: func(k *tiktoksim.Knobs) {
			k.Faults = []tiktoksim.Fault{
				{Endpoint: "video_init", At: "after_effect_before_reply", Do: "reset", Every: 3, Times: 2},
				{Endpoint: "upload", At: "mid_body", AfterBytes: 20_000, Do: "reset", Every: 4, Times: 3},
				{Endpoint: "upload", FinalChunk: true, At: "after_effect_before_reply", Do: "reset", Every: 2, Times: 3},
				{Endpoint: "status", At: "mid_reply", Do: "reset", Every: 3, Times: -1},
			}
		},
		wrap: func(l *lane, p platform.Platform) platform.Platform {
			return &witness{p, l, func(a shippost.Attempt) {
				mu.Lock()
				defer mu.Unlock()
				states[l] = append(states[l], a.State)
			}}
		},
	}
	eachLane(t, set, func(t *testing.T, l *lane) {
		const herd = 8
		due := l.now().Add(2 * time.Second)
		var posts []shippost.Post
		for i := range herd {
			posts = append(posts, l.queue(t, l.account(t, fmt.Sprintf("creator%d", i)), fmt.Sprintf("post %d", i), due))
		}
		dead := 0
		for _, p := range posts {
			_, attempts := l.until(t, p.ID, ended)
			if n := len(l.live(p.Caption)); n != 1 {
				t.Errorf("%s is live %d times", p.Caption, n)
			}
			for _, a := range attempts {
				if a.State == shippost.AttemptDead {
					dead++
				}
				for _, seen := range l.sim.Publishes() {
					if seen.PublishID == a.PublishID && a.GuardedAt.IsZero() && !seen.LastByteAt.IsZero() {
						t.Errorf("%s: TikTok got all of attempt %d, which never had a committing row", p.Caption, a.Number)
					}
					if seen.PublishID == a.PublishID && !seen.LastByteAt.IsZero() && seen.LastByteAt.Before(due) {
						t.Errorf("%s: the last byte left %s early", p.Caption, due.Sub(seen.LastByteAt))
					}
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if dead == 0 || len(states[l]) < herd {
			t.Errorf("%d attempts died and %d commits were seen: the faults did not work", dead, len(states[l]))
		}
		for _, s := range states[l] {
			if s != shippost.AttemptCommitting {
				t.Errorf("the last bytes were about to leave while the durable row said %q", s)
			}
		}
	})
}

// TestPromise_P08_R04_PostedOnlyOnThePlatformsWord follows posts that TikTok works on for long and one that it refuses in the end.
func TestPromise_P08_R04_PostedOnlyOnThePlatformsWord(t *testing.T) {
	t.Parallel()
	set := laneSet{knobs: func(k *tiktoksim.Knobs) {
		k.Processing.Delay = tiktoksim.Duration(10 * time.Minute)
		k.Processing.FailReason, k.Processing.FailTimes = "frame_rate_check_failed", 1
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		one := l.queue(t, l.account(t, "first"), "one", l.now())
		l.until(t, one.ID, handedOver)
		other := l.queue(t, l.account(t, "second"), "other", l.now())
		l.until(t, other.ID, handedOver)
		for round := range 5 {
			l.until(t, one.ID, asked(round))
			l.until(t, other.ID, asked(round))
			for _, id := range []shippost.PostID{one.ID, other.ID} {
				if p, _ := l.read(t, id); p.Status != shippost.PostPublishing || p.Phase != shippost.PhaseProcessing || !p.PostedAt.IsZero() {
					t.Fatalf("while TikTok works the post is shown as %s %s", p.Status, p.Phase)
				}
			}
			l.move(time.Minute)
		}
		l.move(10 * time.Minute)
		ends := map[string]shippost.PostStatus{"PUBLISH_COMPLETE": shippost.PostPosted, "FAILED": shippost.PostFailed}
		for _, id := range []shippost.PostID{one.ID, other.ID} {
			p, attempts := l.until(t, id, ended)
			i := slices.IndexFunc(l.sim.Publishes(), func(v tiktoksim.Post) bool { return v.PublishID == attempts[0].PublishID })
			if said := l.sim.Publishes()[i].Status; p.Status != ends[said] || p.PostedAt.IsZero() == (said == "PUBLISH_COMPLETE") || attempts[0].Evidence == "" {
				t.Errorf("TikTok says %s, the post is shown as %s since %s, evidence %q", said, p.Status, p.PostedAt, attempts[0].Evidence)
			}
			// What the policy says is kept: the platform's id of what was posted, and why the other was not.
			if posted := p.Status == shippost.PostPosted; (len(p.PlatformIDs) > 0) != posted || (p.Failure == nil) != posted {
				t.Errorf("a post that is %s has the ids %v and the failure %+v", p.Status, p.PlatformIDs, p.Failure)
			}
			if p.Failure != nil && (p.Failure.Code == "" || p.Failure.Message == "") {
				t.Errorf("the failure tells nothing: %+v", p.Failure)
			}
		}
	})
}

func handedOver(_ shippost.Post, list []shippost.Attempt) bool {
	return len(list) > 0 && list[len(list)-1].State == shippost.AttemptHandedOver
}

// asked reports whether the last attempt was asked about more than n times.
func asked(n int) func(shippost.Post, []shippost.Attempt) bool {
	return func(_ shippost.Post, list []shippost.Attempt) bool {
		return len(list) > 0 && list[len(list)-1].Polls > n
	}
}

// TestR07_PollErrorNeverReinits has each of the first three questions about a post fail, in each way that questions fail.
func TestR07_PollErrorNeverReinits(t *testing.T) {
	t.Parallel()
	ways := []tiktoksim.Fault{
		{At: "before_effect", Do: "status", Status: 401}, {At: "before_effect", Do: "status", Status: 403},
		{At: "before_effect", Do: "status", Status: 404}, {At: "before_effect", Do: "status", Status: 429},
		{At: "before_effect", Do: "status", Status: 500}, {At: "after_effect_before_reply", Do: "status", Status: 503},
		{At: "before_effect", Do: "reset"}, {At: "after_effect_before_reply", Do: "reset"}, {At: "mid_reply", Do: "reset"},
		// In TikTok's own words, the first of them because the token ran out (C12).
		{At: "before_effect", Do: "refuse", Code: "access_token_invalid"}, {At: "before_effect", Do: "refuse", Code: "rate_limit_exceeded"},
		{At: "before_effect", Do: "refuse", Code: "internal_error"}, {At: "before_effect", Do: "refuse", Code: "invalid_publish_id"},
	}
	set := laneSet{knobs: func(k *tiktoksim.Knobs) {
		k.Processing.Delay = tiktoksim.Duration(time.Hour)
		for i, way := range ways {
			for poll := range 3 {
				f := way
				f.Endpoint, f.Creator, f.Skip, f.Times = "status", fmt.Sprintf("creator%d.%d", i, poll), poll, 1
				k.Faults = append(k.Faults, f)
			}
		}
		// A question without an answer: our own time-out ends it.
		k.Faults = append(k.Faults, tiktoksim.Fault{Endpoint: "status", Creator: "silent", At: "before_effect", Do: "stall", Times: 1})
	}}
	eachLane(t, set, func(t *testing.T, l *lane) {
		posts := map[string]shippost.Post{}
		handles := []string{"silent"}
		for i := range ways {
			for poll := range 3 {
				handles = append(handles, fmt.Sprintf("creator%d.%d", i, poll))
			}
		}
		for _, h := range handles {
			posts[h] = l.queue(t, l.account(t, h), "by "+h, l.now())
		}
		for _, h := range handles {
			l.until(t, posts[h].ID, handedOver)
		}
		for round := range 5 {
			for _, h := range handles {
				if h != "silent" {
					l.until(t, posts[h].ID, asked(round))
				}
			}
			l.move(3 * time.Minute)
		}
		l.until(t, posts["silent"].ID, asked(0))
		l.move(time.Hour)
		for _, h := range handles {
			p, attempts := l.until(t, posts[h].ID, ended)
			if n := l.inits(h); n != 1 || len(attempts) != 1 || p.Status != shippost.PostPosted || len(l.live(p.Caption)) != 1 {
				t.Errorf("%s: %d inits, %d attempts, %s, live %d times", h, n, len(attempts), p.Status, len(l.live(p.Caption)))
			}
		}
		struck := 0
		for _, e := range l.sim.Journal(0) {
			if e.Kind == "fault" {
				struck++
			}
		}
		if struck != len(handles) {
			t.Errorf("%d questions failed, want %d", struck, len(handles))
		}
	})
}

// TestR08_ThreeDaysOfProcessing has TikTok think for 72 hours and then publish.
func TestR08_ThreeDaysOfProcessing(t *testing.T) {
	t.Parallel()
	set := laneSet{knobs: func(k *tiktoksim.Knobs) { k.Processing.Delay = tiktoksim.Duration(72 * time.Hour) }}
	eachLane(t, set, func(t *testing.T, l *lane) {
		post := l.queue(t, l.account(t, "patient"), "slow", l.now())
		l.until(t, post.ID, handedOver)
		for hours := 0; hours < 72; hours += 4 {
			_, before := l.read(t, post.ID)
			l.until(t, post.ID, asked(before[0].Polls))
			if p, _ := l.read(t, post.ID); p.Status != shippost.PostPublishing {
				t.Fatalf("after %d hours the post is %s", hours, p.Status)
			}
			l.move(4 * time.Hour)
		}
		p, attempts := l.until(t, post.ID, ended)
		if p.Status != shippost.PostPosted || len(attempts) != 1 || l.inits("patient") != 1 || len(l.live("slow")) != 1 {
			t.Errorf("%s, %d attempts, %d inits, live %d times", p.Status, len(attempts), l.inits("patient"), len(l.live("slow")))
		}
	})
}

// liar says once that an attempt failed which TikTok publishes.
type liar struct {
	platform.Platform
	lied atomic.Bool
}

func (f *liar) Unwrap() platform.Platform { return f.Platform }

func (f *liar) Confirm(ctx context.Context, p platform.Payload) (platform.Verdict, error) {
	v, err := f.Platform.Confirm(ctx, p)
	if err == nil && f.lied.CompareAndSwap(false, true) {
		v.State, v.PostIDs = platform.Refused, nil
		v.Reason = platform.Failure{Class: platform.Transient, After: platform.Transient, Code: "internal", Message: "An error at TikTok."}
	}
	return v, err
}

// TestI05_DeadAttemptThatPublished: TikTok fails a post and shows it after all. The next attempt is stopped before its
// last byte, an operator is called, and the owner sees the post that there is.
func TestI05_DeadAttemptThatPublished(t *testing.T) {
	t.Parallel()
	set := laneSet{wrap: func(_ *lane, p platform.Platform) platform.Platform { return &liar{Platform: p} }}
	eachLane(t, set, func(t *testing.T, l *lane) {
		post := l.queue(t, l.account(t, "risen"), "twice", l.now())
		l.until(t, post.ID, func(_ shippost.Post, list []shippost.Attempt) bool {
			return len(list) == 1 && list[0].State == shippost.AttemptDead
		})
		l.move(time.Minute) // until the next attempt
		p, attempts := l.until(t, post.ID, ended)
		live := l.live("twice")
		if len(live) != 1 || p.Status != shippost.PostPosted {
			t.Fatalf("%s, live %d times", p.Status, len(live))
		}
		if len(attempts) != 2 || attempts[0].State != shippost.AttemptDead || attempts[1].State != shippost.AttemptDead || !attempts[1].GuardedAt.IsZero() ||
			attempts[0].PublishID != live[0].PublishID || p.CommittedAt.IsZero() {
			t.Errorf("attempts %+v, live as %s", attempts, live[0].PublishID)
		}
		var kinds []shippost.EntryKind
		storetest.View(t, l.db, func(tx *store.Tx) error {
			list, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: l.actor.Workspace, Post: post.ID, Limit: 100})
			for _, e := range list {
				kinds = append(kinds, e.Kind)
			}
			return err
		})
		if !slices.Contains(kinds, shippost.EntryPublisherAlarm) || !slices.Contains(kinds, shippost.EntryPostPosted) {
			t.Errorf("the journal has %v, want an alarm and that it is posted", kinds)
		}
	})
}
