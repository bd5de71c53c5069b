package publish

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// Attempts that ask at the same time to pass the point of no return are written together and judged each on its own: by
// the rows as they are, and by what the others of the batch have just been allowed.
func TestCommits_Together(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		p := New(Options{DB: db, Node: "node_1", Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		now := clock.Now()
		ask := func(account shippost.Account, due time.Time) *candidate {
			post, a := underWay(t, db, actor, account, due, shippost.PhaseStaged, shippost.AttemptOpen)
			return &candidate{r: &runner{Publisher: p, s: situation{Post: post, Account: account}, a: a}, ctx: ctx, decided: make(chan struct{})}
		}
		soon := now.Add(500 * time.Millisecond)
		var timely []*candidate
		for range commitBatch + 20 {
			timely = append(timely, ask(account, soon))
		}
		cancelled, edited, early, stolen, erased, stopped := ask(account, soon), ask(account, soon), ask(account, now.Add(time.Hour)), ask(account, soon), ask(account, soon), ask(account, soon)
		backlog := storetest.Account(t, db, actor)
		first, second := ask(backlog, now.Add(-2*time.Hour)), ask(backlog, now.Add(-time.Hour))
		storetest.Update(t, db, func(tx *store.Tx) error {
			over := cancelled.r.s.Post
			over.Status = shippost.PostCancelled
			if ok, err := tx.SavePublishing(ctx, &over, shippost.PostPublishing, time.Time{}); err != nil || !ok {
				t.Errorf("cancel: %v, %v", ok, err)
			}
			anew := edited.r.s.Post
			anew.Caption = "Dusk"
			if ok, err := tx.UpdatePost(ctx, &anew, shippost.PostPublishing, false); err != nil || !ok {
				t.Errorf("edit: %v, %v", ok, err)
			}
			if ok, err := tx.TakeAttempt(ctx, stolen.r.a, "node_2"); err != nil || !ok {
				t.Errorf("take over: %v, %v", ok, err)
			}
			return nil
		})
		erased.r.a.ID = shippost.NewAttemptID(now)
		gone, end := context.WithCancel(ctx)
		end()
		stopped.ctx = gone

		all := append([]*candidate{cancelled, first, edited, early, stolen, erased, stopped, second}, timely...)
		for _, c := range all {
			p.commits.add(c)
		}
		p.writeCommits(ctx)
		for name, c := range map[string]struct {
			*candidate
			want refusal
		}{
			"cancelled": {cancelled, withdrawn}, "edited": {edited, refusal("edited")}, "too early": {early, tooEarly},
			"another node's": {stolen, notOurs}, "erased": {erased, notOurs},
		} {
			if <-c.decided; c.err != nil || c.why != c.want || c.why == "" || !c.later.IsZero() {
				t.Errorf("%s: %q, %v, %v; want %q", name, c.why, c.later, c.err, c.want)
			}
		}
		if <-stopped.decided; stopped.err == nil {
			t.Error("who was told to stop may commit")
		}
		if <-first.decided; first.why != "" || !first.later.IsZero() || first.err != nil {
			t.Errorf("the first of a backlog: %+v", first.verdict)
		}
		if <-second.decided; !second.later.Equal(now.Add(backlogApart)) {
			t.Errorf("the second of a backlog may go at %v, want a minute later", second.later)
		}
		for _, c := range append(timely, first) {
			<-c.decided
			due := c.r.s.Post.Due.At
			if c.why != "" || c.err != nil || !c.later.IsZero() || c.next.State != shippost.AttemptCommitting || !c.next.GuardedAt.Equal(now) {
				t.Fatalf("%+v", c.verdict)
			}
			if release := p.elapsed() + max(due.Sub(now), 0); c.release > release || c.release < release-10*time.Second {
				t.Errorf("released at %v, want about %v", c.release, release)
			}
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			committing := 0
			for _, c := range all {
				list, err := tx.Attempts(ctx, c.r.s.Post.ID)
				if err != nil || len(list) != 1 {
					t.Fatalf("%d attempts, %v", len(list), err)
				}
				post, err := tx.AnyPost(ctx, c.r.s.Post.ID)
				if err != nil {
					return err
				}
				let := c.why == "" && c.later.IsZero() && c.err == nil
				if (list[0].State == shippost.AttemptCommitting) != let || (post.Phase == shippost.PhaseCommitting) != let || list[0].GuardedAt.IsZero() == let {
					t.Errorf("%+v: the attempt is %s, guarded at %v, its post %s", c.verdict, list[0].State, list[0].GuardedAt, post.Phase)
				}
				if let {
					committing++
					if want := latest(now, post.Due.At).Add(askAnyway); !list[0].NextPollAt.Equal(want) {
						t.Errorf("asked about at %v, want %v", list[0].NextPollAt, want)
					}
				}
			}
			told, q := 0, store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryPostCommitting}, Limit: 1000}
			for {
				page, err := tx.Journal(ctx, q)
				if err != nil {
					return err
				}
				if told += len(page); len(page) < q.Limit {
					break
				}
				q.Before = page[len(page)-1].Seq
			}
			if told != committing || told != len(timely)+1 {
				t.Errorf("the journal tells of %d commits of %d, want %d", told, committing, len(timely)+1)
			}
			return nil
		})
	})
}

// What came of commits is stored together. An attempt that moved on meanwhile does not keep the others from it, and a wish
// to stop that came meanwhile stands.
func TestHandovers_Together(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC), func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		p := New(Options{DB: db, Node: "node_1", Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		now := clock.Now()
		sent := now.Add(-20 * time.Millisecond)
		committed := func(phase shippost.Phase, state shippost.AttemptState, out platform.Outcome) *handover {
			post, a := underWay(t, db, actor, account, now.Add(-50*time.Millisecond), phase, state)
			a.State = shippost.AttemptCommitting
			return &handover{post: post, attempt: a, out: out, stored: make(chan struct{})}
		}
		plain := committed(shippost.PhaseCommitting, shippost.AttemptCommitting, platform.Outcome{Accepted: true, LastByteAt: sent})
		unanswered := committed(shippost.PhaseCommitting, shippost.AttemptCommitting, platform.Outcome{LastByteAt: sent})
		unsent := committed(shippost.PhaseCommitting, shippost.AttemptCommitting, platform.Outcome{})
		stopping := committed(shippost.PhaseStopping, shippost.AttemptCommitting, platform.Outcome{Accepted: true, LastByteAt: sent})
		moved := committed(shippost.PhaseProcessing, shippost.AttemptHandedOver, platform.Outcome{Accepted: true, LastByteAt: sent})
		list := []*handover{plain, unanswered, moved, unsent, stopping}
		for _, h := range list {
			p.handovers.add(h)
		}
		p.writeHandovers(ctx)
		for _, h := range list {
			if <-h.stored; lost(h.err) != (h == moved) || h.err != nil && !lost(h.err) {
				t.Errorf("%s: %v", h.attempt.ID, h.err)
			}
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			for name, c := range map[string]struct {
				*handover
				state shippost.AttemptState
				phase shippost.Phase
				sent  time.Time
			}{
				"accepted":  {plain, shippost.AttemptHandedOver, shippost.PhaseProcessing, sent},
				"no answer": {unanswered, shippost.AttemptCommitting, shippost.PhaseProcessing, sent},
				"nothing":   {unsent, shippost.AttemptCommitting, shippost.PhaseCommitting, time.Time{}},
				"to stop":   {stopping, shippost.AttemptHandedOver, shippost.PhaseStopping, sent},
				"has moved": {moved, shippost.AttemptHandedOver, shippost.PhaseProcessing, time.Time{}},
			} {
				post, err := tx.AnyPost(ctx, c.post.ID)
				if err != nil {
					return err
				}
				attempts, err := tx.Attempts(ctx, c.post.ID)
				if err != nil {
					return err
				}
				if a := attempts[0]; a.State != c.state || post.Phase != c.phase || !post.CommittedAt.Equal(c.sent) || !a.CommittedAt.Equal(c.sent) {
					t.Errorf("%s: attempt %s of %v, post %s of %v", name, a.State, a.CommittedAt, post.Phase, post.CommittedAt)
				}
			}
			return nil
		})
		if told := storetest.Entries(t, db, shippost.EntryPostSent); len(told) != 3 {
			t.Errorf("the journal tells of %d posts sent, want 3", len(told))
		}
	})
}

// underWay adds a post and the attempt of it that this node has in a state.
func underWay(t *testing.T, db *store.DB, actor shippost.Actor, account shippost.Account, due time.Time, phase shippost.Phase, state shippost.AttemptState) (shippost.Post, shippost.Attempt) {
	t.Helper()
	now := db.Now()
	post := shippost.Post{ID: shippost.NewPostID(now), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostPublishing,
		Phase: phase, Caption: "Dawn", Due: shippost.Due{At: due, Zone: "UTC"}, LateWindow: 6 * time.Hour, Version: 1,
		CreatedBy: actor.User, CreatedAt: now, UpdatedAt: now}
	a := shippost.Attempt{ID: shippost.NewAttemptID(now), Post: post.ID, Workspace: actor.Workspace, Account: account.ID, PostVersion: 1,
		Epoch: account.Epoch, State: state, Owner: "node_1", Fence: 1, PlannedAt: now, OpenedAt: now, Size: 60_000}
	storetest.Update(t, db, func(tx *store.Tx) error {
		if err := tx.InsertPost(t.Context(), &post); err != nil {
			return err
		}
		return tx.InsertAttempt(t.Context(), &a)
	})
	return post, a
}
