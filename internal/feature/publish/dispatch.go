package publish

import (
	"context"
	"errors"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

const (
	tick       = 500 * time.Millisecond // how often the lanes look without being nudged
	beat       = 3 * time.Second        // how often a node says that it lives
	lease      = 5 * beat               // after this long without a beat others go on with a node's attempts
	forgetNode = 24 * time.Hour         // after this long without a beat nothing is kept of a node
	claimSize  = 500                    // posts taken from the table at once
	claimTime  = 30 * time.Second       // after this long an unfinished claim is looked at again
)

// register makes this node known. On SQLite it is the only one, so whatever other nodes left is ours at once.
func (p *Publisher) register(ctx context.Context) error {
	err := p.db.Update(ctx, func(tx *store.Tx) error {
		if p.db.Engine() == store.SQLite {
			nodes, err := tx.Nodes(ctx)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				if _, err := tx.DeleteNode(ctx, n.ID); err != nil {
					return err
				}
			}
		}
		return tx.InsertNode(ctx, p.node)
	})
	chaos.Point("publish.registered")
	return err
}

// leave gives up this node's place, so that others need not wait for its lease.
func (p *Publisher) leave(ctx context.Context) error {
	return p.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.DeleteNode(ctx, p.node)
		return err
	})
}

// beatLane says that we live, and takes over what dead nodes left.
func (p *Publisher) beatLane(ctx context.Context) {
	for {
		if err := errors.Join(p.takeOver(ctx), p.pickUp(ctx)); err == nil {
			p.alive(heartBeat)
		} else if ctx.Err() == nil {
			p.log.Error("cannot look for attempts that were left; trying again", "err", err)
		}
		if !pause(ctx, beat, nil) {
			return
		}
	}
}

// takeOver makes attempts ours whose owner shows no life. Taking one that still has a living owner is harmless: each
// write compares owner and fence, so the former owner's next step fails.
func (p *Publisher) takeOver(ctx context.Context) error {
	err := p.db.Update(ctx, func(tx *store.Tx) error {
		now := p.now()
		alive, err := tx.BeatNode(ctx, p.node)
		if err != nil {
			return err
		}
		if !alive {
			// Somebody thought us dead. Our attempts are theirs now, which each compare-and-set of ours will find out.
			if err := tx.InsertNode(ctx, p.node); err != nil {
				return err
			}
		}
		nodes, err := tx.Nodes(ctx)
		if err != nil {
			return err
		}
		var wall time.Time
		if p.clock.trusted() {
			wall = now
			if err := tx.DeleteOldNodes(ctx, now.Add(-forgetNode)); err != nil {
				return err
			}
		}
		left, err := tx.AbandonedAttempts(ctx, p.pulses.look(nodes, p.node, wall, p.elapsed()), claimSize)
		if err != nil {
			return err
		}
		for _, a := range left {
			if err := p.adopt(ctx, tx, a, now); err != nil {
				return err
			}
		}
		return nil
	})
	chaos.Point("publish.taken_over")
	return err
}

// adopt makes an abandoned attempt ours.
func (p *Publisher) adopt(ctx context.Context, tx *store.Tx, a shippost.Attempt, now time.Time) error {
	ok, err := tx.TakeAttempt(ctx, a, p.node)
	if err != nil || !ok {
		return err
	}
	p.log.Info("going on with an attempt of a node that is gone", "post", a.Post, "attempt", a.ID, "state", a.State)
	if a.State.Committed() {
		tx.OnCommit(func() { nudge(p.asked) })
		return tx.SetNextPoll(ctx, a.ID, now)
	}
	return nil
}

// pickUp goes on with our attempts before their commit that nobody in this process works on: those just taken over, and
// those whose runner gave up because the database did not answer.
func (p *Publisher) pickUp(ctx context.Context) error {
	var ids []shippost.PostID
	err := p.db.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.PostsUnderWay(ctx, p.node)
		return err
	})
	for _, id := range ids {
		p.start(ctx, id, func(ctx context.Context) { p.attend(ctx, id) })
	}
	return err
}

// dispatchLane finds the posts that need attention and has each looked at.
func (p *Publisher) dispatchLane(ctx context.Context) {
	for {
		n, err := p.dispatch(ctx)
		if err == nil {
			p.alive(heartDispatch)
		} else if ctx.Err() == nil {
			p.log.Error("cannot look for due posts; trying again", "err", err)
		}
		if n == claimSize && err == nil {
			continue
		}
		if !pause(ctx, p.tick, p.due) {
			return
		}
	}
}

func (p *Publisher) dispatch(ctx context.Context) (int, error) {
	now := p.now() // before it is judged
	if !p.clock.trusted() {
		return 0, nil // by a wrong clock posts would go out early, or be missed for nothing
	}
	var ids []shippost.PostID
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.ClaimWaking(ctx, now, now.Add(claimTime), claimSize)
		return err
	})
	if err != nil {
		return 0, err
	}
	chaos.Point("publish.claimed")
	for _, id := range ids {
		p.start(ctx, id, func(ctx context.Context) { p.attend(ctx, id) })
	}
	return len(ids), nil
}

// attend does what a post needs until it must wait for a time, a person or the platform.
func (p *Publisher) attend(ctx context.Context, id shippost.PostID) {
	for ctx.Err() == nil {
		again, err := p.step(ctx, id)
		switch {
		case lost(err):
			continue
		case err != nil && ctx.Err() == nil:
			// The claim runs out by itself; the post is looked at again then.
			p.log.Error("cannot go on with a post now; it is looked at again", "post", id, "err", err)
			return
		case !again:
			return
		}
	}
}

// step decides and does one thing about a post. It reports whether to decide again at once.
func (p *Publisher) step(ctx context.Context, id shippost.PostID) (again bool, err error) {
	// By a wrong clock posts would be missed for nothing. It is read before it is judged.
	now := p.now()
	if !p.clock.trusted() {
		return p.clock.untilTrusted(ctx), nil
	}
	s, err := p.look(ctx, id)
	if err != nil {
		return false, err
	}
	if s.Attempt != nil && s.Attempt.Owner != p.node {
		// Another process works on it, or its lease runs out and somebody takes it over.
		return false, p.wake(ctx, s, time.Time{})
	}
	d := decide(s, now)
	switch d.Do {
	case actSleep:
		return false, p.sleep(ctx, s)
	case actMiss:
		return false, p.settle(ctx, &s, death{}, disposition{Status: shippost.PostMissed, Failure: missedBecause(s)})
	case actHold:
		return false, p.settle(ctx, &s, death{}, disposition{Status: shippost.PostQueued, Wake: d.At, Hold: d.Hold})
	case actPlan:
		if hold, at := p.unreachable(p.platforms[s.Account.Platform], p.now()); hold != nil {
			until := allowedUntil(s.Post, s.Committed)
			return false, p.settle(ctx, &s, death{}, disposition{Status: shippost.PostQueued, Wake: earlier(at, until.Add(time.Second)), Hold: hold})
		}
		if wait, err := p.queue(ctx, s); err != nil || wait > 0 {
			return false, errors.Join(err, p.wake(ctx, s, p.now().Add(wait)))
		}
		return true, p.plan(ctx, s)
	case actStage:
		r := &runner{Publisher: p, s: s, a: *s.Attempt}
		return r.run(ctx)
	case actBury:
		proof, ok := proveDead(*s.Attempt, facts{Now: p.now(), Kind: s.kind(), Why: d.Why})
		if !ok {
			return false, shippost.Errorf(shippost.Internal, "no_proof", "attempt %s cannot be proven dead", s.Attempt.ID)
		}
		err := p.settle(ctx, &s, proof, disposition{Status: shippost.PostQueued, Wake: p.now(), Hold: s.Post.Hold})
		chaos.Point("publish.buried")
		return true, err
	case actAsk:
		return false, p.wake(ctx, s, time.Time{})
	default:
		return false, p.wake(ctx, s, time.Time{})
	}
}

// look reads everything there is to know about a post.
func (p *Publisher) look(ctx context.Context, id shippost.PostID) (s situation, err error) {
	err = p.db.View(ctx, func(tx *store.Tx) error {
		s, err = p.situation(ctx, tx, id)
		return err
	})
	return s, err
}

func (p *Publisher) situation(ctx context.Context, tx *store.Tx, id shippost.PostID) (situation, error) {
	post, err := tx.AnyPost(ctx, id)
	if err != nil {
		return situation{}, err
	}
	s := situation{Post: post}
	if s.Account, err = tx.Account(ctx, post.Workspace, post.Account); err != nil {
		return s, err
	}
	for _, m := range post.Media {
		media, err := tx.Media(ctx, post.Workspace, m)
		if err != nil {
			return s, err
		}
		s.Media = append(s.Media, media)
	}
	attempts, err := tx.Attempts(ctx, id)
	if err != nil {
		return s, err
	}
	s.count(attempts)
	s.StageAt, err = p.stageAt(ctx, tx, s)
	return s, err
}

// stageAt returns when staging of a post should begin, as things stand.
func (p *Publisher) stageAt(ctx context.Context, tx *store.Tx, s situation) (time.Time, error) {
	pf, err := p.platform(s)
	if err != nil {
		return time.Time{}, err
	}
	var crowd, fixed []time.Time
	if s.Attempt == nil && !pulls(pf, s) { // what is opened at its due time can give nobody its turn
		ahead := pf.Describe().EarliestStage
		if crowd, err = tx.DueAfter(ctx, s.Post, ahead); err != nil {
			return time.Time{}, err
		}
		if puller, ok := platform.Can[platform.Puller](pf); ok && puller.Pulls(shippost.Photo) {
			if fixed, err = tx.PhotosDue(ctx, s.Post.Account, s.Post.Due.At.Add(-ahead), s.Post.Due.At.Add(time.Minute)); err != nil {
				return time.Time{}, err
			}
		}
	}
	return stageAt(s.Post.Due.At, s.size(), pf, crowd, fixed), nil
}

// sleep has a post looked at when its staging should begin. What held it before does not any more. The crowd may have grown since it was looked at; whoever joins
// it after the row is written moves the time (see Desk.Queued).
func (p *Publisher) sleep(ctx context.Context, s situation) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := tx.SetWakeIf(ctx, s.Post.ID, s.Post.Version, s.StageAt); err != nil {
			return err
		}
		at, err := p.stageAt(ctx, tx, s)
		if err != nil {
			return err
		}
		if s.Post.Hold != nil {
			post := s.Post
			return p.conclude(ctx, tx, &post, post.Status, disposition{Status: post.Status, Wake: at})
		}
		if at.Equal(s.StageAt) {
			return nil
		}
		return tx.SetWakeIf(ctx, s.Post.ID, s.Post.Version, at)
	})
}

// count takes the attempts of a post into the situation. Those of an older version say nothing about this content.
func (s *situation) count(attempts []shippost.Attempt) {
	for _, a := range attempts {
		if a.State != shippost.AttemptDead {
			s.Attempt = &a
			continue
		}
		if a.PostVersion != s.Post.Version {
			continue
		}
		if !a.GuardedAt.IsZero() {
			s.Committed++
		}
		s.Dead++
		switch {
		case !a.OpenedAt.IsZero() || a.Epoch != s.Account.Epoch:
			s.Replaced = 0 // a token was taken since, or is another
		case a.Failure != nil && a.Failure.Code == platform.CodeTokenReplaced:
			s.Replaced++
		}
		if a.Failure != nil {
			s.Last = a.Failure
			if a.Failure.Class == string(platform.Unknown) {
				s.Unknown++
			}
		}
	}
}

func (p *Publisher) platform(s situation) (platform.Platform, error) {
	pf, ok := p.platforms[s.Account.Platform]
	if !ok {
		return nil, shippost.Errorf(shippost.Internal, "no_platform", "no platform %q is set up", s.Account.Platform)
	}
	return pf, nil
}

// wake sets when a post is looked at next; the zero time means that something else takes care of it.
func (p *Publisher) wake(ctx context.Context, s situation, at time.Time) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		// The time may have changed since we looked; then its own wake time stands.
		return tx.SetWakeIf(ctx, s.Post.ID, s.Post.Version, at)
	})
}

// plan freezes the content in a new attempt.
func (p *Publisher) plan(ctx context.Context, s situation) error {
	now := p.now()
	a := shippost.Attempt{
		ID: shippost.NewAttemptID(now), Post: s.Post.ID, Workspace: s.Post.Workspace, Account: s.Post.Account,
		PostVersion: s.Post.Version, Epoch: s.Account.Epoch, State: shippost.AttemptPlanned, Owner: p.node, Fence: 1,
		Size: s.size(), PlannedAt: now,
	}
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		// What held the post may hold it again at once; until it is staged the hold is not over.
		post := s.Post
		post.Status, post.Phase, post.Failure = shippost.PostPublishing, shippost.PhaseStaging, nil
		if err := p.savePost(ctx, tx, &post, s.Post.Status, time.Time{}); err != nil {
			return err
		}
		if err := tx.InsertAttempt(ctx, &a); err != nil {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostStaging, post, &a, map[string]any{"attempt": a.Number, "size": a.Size}))
	})
	chaos.Point("publish.planned")
	return err
}

// missedBecause says in words why a post missed its window.
func missedBecause(s situation) *shippost.Failure {
	f := &shippost.Failure{Code: "missed", Remedy: shippost.RemedyReschedule,
		Message: "ShipPost was not running when this post was due, and its late window is over. Nothing was sent. Choose another time."}
	if h := s.Post.Hold; h != nil {
		f.Code, f.Message = h.Code, h.Message+" The late window is over now, and nothing was sent. Choose another time."
	} else if s.Last != nil {
		f.Code, f.LogID = s.Last.Code, s.Last.LogID
		f.Message = s.Last.Message + " The late window is over now, and nothing was published. Choose another time."
	} else if s.Attempt == nil && s.Dead > 0 {
		f.Message = "ShipPost did not get the post to the platform before its late window was over. Nothing was published. Choose another time."
	}
	return f
}
