package publish

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// confirmLane asks the platform about attempts past the point of no return until it knows what became of them.
func (p *Publisher) confirmLane(ctx context.Context) {
	for {
		n, err := p.confirmDue(ctx)
		if err == nil {
			p.alive(heartConfirm)
		} else if ctx.Err() == nil {
			p.log.Error("cannot look for attempts to confirm; trying again", "err", err)
		}
		if n == claimSize && err == nil {
			continue
		}
		if !pause(ctx, p.tick, p.asked) {
			return
		}
	}
}

// confirmDue starts a question for each attempt whose time for one has come.
func (p *Publisher) confirmDue(ctx context.Context) (int, error) {
	var due []shippost.Attempt
	now := p.now()
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) (err error) {
		due, err = tx.ClaimPolls(ctx, p.node, now, now.Add(claimTime), claimSize)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		select {
		case p.polls <- struct{}{}:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		p.workers.Go(func() {
			defer func() { <-p.polls }()
			if err := p.confirm(ctx, a); err != nil && ctx.Err() == nil && !lost(err) {
				p.log.Error("cannot confirm an attempt now; asking again", "post", a.Post, "attempt", a.ID, "err", err)
			}
		})
	}
	return len(due), nil
}

// confirm asks once about an attempt and acts on the answer. No error of a question ever leads to another init (I4).
func (p *Publisher) confirm(ctx context.Context, a shippost.Attempt) error {
	s, err := p.look(ctx, a.Post)
	if err != nil {
		return err
	}
	pf, err := p.platform(s)
	if err != nil {
		return err
	}
	if wait := p.breakers[s.Account.Platform].enter(); wait > 0 {
		return p.askLater(ctx, a, wait+rand.N(time.Minute))
	}
	if err := p.take(ctx, s.Account, "status", statusPerMinute); shippost.IsKind(err, shippost.Wait) {
		return p.askLater(ctx, a, max(shippost.AsError(err).RetryAfter, time.Second))
	} else if err != nil {
		return err
	}
	question := (&runner{Publisher: p, s: s, a: a, options: s.Post.Options}).question()
	if !a.StopAskedAt.IsZero() && a.StopToldAt.IsZero() {
		if err := p.tellToStop(ctx, pf, s, a); err != nil {
			return err
		}
	}
	verdict, err := pf.Confirm(ctx, question)
	err = p.heard(pf, s.Account.ID, err)
	chaos.Point("publish.asked")
	if err != nil {
		return p.unanswered(ctx, pf, s, a, err)
	}
	if err := p.sighted(ctx, &s, a); err != nil {
		return err
	}
	err = p.resolve(ctx, pf, s, a, verdict)
	chaos.Point("publish.resolved")
	return err
}

// unanswered plans the next question after one that got no answer.
func (p *Publisher) unanswered(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt, cause error) error {
	f := p.failure(pf, cause)
	p.log.Info("no answer about an attempt", "post", a.Post, "attempt", a.ID, "class", f.Class, "code", f.Code, "err", cause)
	if a.State == shippost.AttemptLive {
		return p.askForLink(ctx, s, a)
	}
	if a.State == shippost.AttemptUnknown {
		return p.askOnceMore(ctx, a)
	}
	if f.Class == platform.Auth { // the account may have been disconnected since we looked
		now, err := p.look(ctx, a.Post)
		if err != nil {
			return err
		}
		s = now
	}
	if s.Account.Status == shippost.AccountDisconnected {
		return p.lose(ctx, s, a, "disconnected",
			"The account was disconnected after this post was handed to the platform. Look at the account itself to see whether it is there.")
	}
	if p.silentTooLong(a) {
		return p.neverTold(ctx, s, a)
	}
	if f.Class == platform.Auth {
		return p.blinded(ctx, pf, s, a, f)
	}
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		wait := max(pollAfter(a.Polls), f.RetryAfter, 5*time.Second)
		if err := tx.CountPoll(ctx, a.ID, p.now().Add(wait), f.Post()); err != nil || f.Class == platform.Transient || f.Class == platform.Rate {
			return err
		}
		if a.Failure != nil && a.Failure.Code == f.Code {
			return nil // told already
		}
		if err := tx.Record(ctx, p.entry(shippost.EntryPostUnanswered, s.Post, &a, map[string]any{"code": f.Code, "message": f.Message})); err != nil || !f.Alarm {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPublisherAlarm, s.Post, &a, map[string]any{"code": f.Code}))
	})
}

// resolve acts on the platform's word. Status questions and webhooks meet here; it may be called twice with the same word.
func (p *Publisher) resolve(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt, v platform.Verdict) error {
	if a.State == shippost.AttemptLive {
		return p.learnIDs(ctx, s, a, v)
	}
	switch v.State {
	case platform.Published, platform.InInbox:
		return p.live(ctx, s, a, v)
	case platform.Refused:
		return p.refusedByPlatform(ctx, s, a, v)
	}
	if a.State == shippost.AttemptUnknown {
		return p.askOnceMore(ctx, a)
	}
	switch v.State {
	case platform.Processing:
		if a.State == shippost.AttemptCommitting {
			if err := p.acknowledged(ctx, s, &a); err != nil {
				return err
			}
		}
	case platform.Fetching:
		return p.fetching(ctx, pf, s, a, v)
	case platform.Incomplete:
		if a.State == shippost.AttemptCommitting {
			return p.incomplete(ctx, pf, s, a, v)
		}
	}
	if p.silentTooLong(a) {
		return p.neverTold(ctx, s, a)
	}
	return p.askAgain(ctx, a)
}

// silentTooLong reports whether the platform has not ended an attempt for so long that it never will.
func (p *Publisher) silentTooLong(a shippost.Attempt) bool {
	return p.clock.trusted() && p.now().After(a.GuardedAt.Add(giveUpAsking))
}

// processing is the phase of a post whose platform has everything.
func processing(post shippost.Post) shippost.Phase {
	if post.Phase == shippost.PhaseStopping {
		return shippost.PhaseStopping
	}
	return shippost.PhaseProcessing
}

// acknowledged notes that the platform has all bytes.
func (p *Publisher) acknowledged(ctx context.Context, s situation, a *shippost.Attempt) error {
	next := *a
	next.State, next.HandedAt, next.Sent, next.Failure = shippost.AttemptHandedOver, p.now(), a.Size, nil
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := p.saveAttempt(ctx, tx, &next, a.State); err != nil {
			return err
		}
		post, err := tx.AnyPost(ctx, a.Post) // a wish to stop may have come while the platform was asked
		if err != nil {
			return err
		}
		post.Phase = processing(post)
		if post.CommittedAt.IsZero() {
			// We crashed around the last byte: the committing row is the nearest time we have, and never too early.
			post.CommittedAt = latest(next.CommittedAt, next.GuardedAt, post.Due.At)
		}
		if err := p.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostProcessing, post, &next, nil))
	})
	if err == nil {
		*a = next
	}
	return err
}

// live makes the post posted (or in the inbox): the only place where that happens, on the platform's word alone (R4).
func (p *Publisher) live(ctx context.Context, s situation, a shippost.Attempt, v platform.Verdict) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error { return p.liveIn(ctx, tx, s, a, v) })
}

func (p *Publisher) liveIn(ctx context.Context, tx *store.Tx, s situation, a shippost.Attempt, v platform.Verdict) error {
	now := p.now()
	next := a
	next.State, next.EndedAt, next.Evidence, next.Sent, next.NextPollAt = shippost.AttemptLive, now, v.Evidence, a.Size, time.Time{}
	next.Polls, next.Failure = 0, nil
	if len(v.PostIDs) == 0 {
		v.PostIDs, v.Permalink = s.Post.PlatformIDs, s.Post.Permalink // a message may have told them before
	}
	if v.State == platform.InInbox || len(v.PostIDs) == 0 {
		next.NextPollAt = now.Add(idsAfter(0))
	}
	if err := p.saveAttempt(ctx, tx, &next, a.State); err != nil {
		return err
	}
	post, kind := s.Post, shippost.EntryPostPosted
	post.Status, post.Phase, post.Hold, post.Failure, post.PostedAt = shippost.PostPosted, shippost.PhaseNone, nil, nil, now
	if v.State == platform.InInbox {
		post.Status, kind, post.PostedAt = shippost.PostInInbox, shippost.EntryPostInbox, time.Time{}
	}
	if post.CommittedAt.IsZero() {
		post.CommittedAt = latest(a.CommittedAt, a.GuardedAt, post.Due.At)
	}
	post.PlatformIDs, post.Permalink = v.PostIDs, v.Permalink
	if err := p.savePost(ctx, tx, &post, s.Post.Status, time.Time{}); err != nil {
		return err
	}
	return tx.Record(ctx, p.entry(kind, post, &next, map[string]any{"log_id": v.LogID}))
}

// learnIDs follows a published post until its public id is known, or a creator finishes the draft in the inbox.
func (p *Publisher) learnIDs(ctx context.Context, s situation, a shippost.Attempt, v platform.Verdict) error {
	finished := s.Post.Status == shippost.PostInInbox && v.State == platform.Published
	learnt := len(v.PostIDs) > 0 && len(s.Post.PlatformIDs) == 0
	if !finished && !learnt {
		return p.askForLink(ctx, s, a)
	}
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error { return p.learnIn(ctx, tx, s, a, v, finished, learnt) })
}

// learnIn writes what became known of a post that is out: that a creator finished the draft, where viewers find it, or both.
func (p *Publisher) learnIn(ctx context.Context, tx *store.Tx, s situation, a shippost.Attempt, v platform.Verdict, finished, learnt bool) error {
	next := a
	next.NextPollAt = time.Time{}
	if !learnt && len(s.Post.PlatformIDs) == 0 {
		next.Polls = 0 // its link may come as soon as that of a post that was never a draft
		next.NextPollAt = p.now().Add(idsAfter(0))
	}
	if err := p.saveAttempt(ctx, tx, &next, a.State); err != nil {
		return err
	}
	post, kind := s.Post, shippost.EntryPostPublic
	if finished {
		post.Status, post.PostedAt, kind = shippost.PostPosted, p.now(), shippost.EntryPostPosted
	}
	if learnt {
		post.PlatformIDs, post.Permalink = v.PostIDs, v.Permalink
	}
	if err := p.savePost(ctx, tx, &post, s.Post.Status, time.Time{}); err != nil {
		return err
	}
	return tx.Record(ctx, p.entry(kind, post, &next, nil))
}

// askForLink plans the next question about a post that is out, unless there is nothing more to learn or it has been asked
// for long enough. A message of the platform may still tell what no answer told.
func (p *Publisher) askForLink(ctx context.Context, s situation, a shippost.Attempt) error {
	known := len(s.Post.PlatformIDs) > 0 && s.Post.Status != shippost.PostInInbox
	if known || p.now().After(a.EndedAt.Add(askForIDs)) {
		return p.stopAsking(ctx, a)
	}
	return p.askAgain(ctx, a)
}

// refusedByPlatform buries an attempt the platform gave up for good, and decides whether another may follow.
func (p *Publisher) refusedByPlatform(ctx context.Context, s situation, a shippost.Attempt, v platform.Verdict) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error { return p.refusedIn(ctx, tx, s, a, v) })
}

func (p *Publisher) refusedIn(ctx context.Context, tx *store.Tx, s situation, a shippost.Attempt, v platform.Verdict) error {
	proof, ok := proveDead(a, facts{Now: p.now(), Kind: s.kind(), Verdict: &v, Why: v.Reason.Code})
	if !ok {
		return fmt.Errorf("attempt %s was refused, which proves nothing in state %s", a.ID, a.State)
	}
	d := afterRefusal(s, v.Reason, p.now())
	if a.State == shippost.AttemptUnknown {
		d = disposition{Status: shippost.PostFailed, Failure: v.Reason.Post(), Alarm: v.Reason.Alarm} // a person waits to decide: nothing goes out by itself
	}
	return p.giveUpIn(ctx, tx, s, a, proof, v.Reason, d)
}

// giveUp buries a committed attempt.
func (p *Publisher) giveUp(ctx context.Context, s situation, a shippost.Attempt, proof death, reason platform.Failure, d disposition) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error { return p.giveUpIn(ctx, tx, s, a, proof, reason, d) })
}

func (p *Publisher) giveUpIn(ctx context.Context, tx *store.Tx, s situation, a shippost.Attempt, proof death, reason platform.Failure, d disposition) error {
	p.log.Info("an attempt ended without a post", "post", a.Post, "attempt", a.ID, "rule", proof.Rule, "code", reason.Code, "next", d.Status)
	buried, post := a, s.Post
	if err := p.bury(ctx, tx, &buried, proof, reason.Post()); err != nil {
		return err
	}
	post.CommittedAt = time.Time{}
	if stopped, err := tx.StopAsked(ctx, a.ID); err != nil {
		return err
	} else if stopped {
		d = disposition{Status: shippost.PostCancelled} // whatever the platform's reason: somebody did not want it any more
	}
	if d.Status == shippost.PostQueued {
		tx.OnCommit(func() { nudge(p.due) })
	}
	return p.conclude(ctx, tx, &post, s.Post.Status, d)
}

// incomplete goes on with a committed attempt of which the platform misses bytes: the same upload is finished while it
// lives; once it is proven that it cannot be finished any more, the attempt is dead (C8, D6).
func (p *Publisher) incomplete(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt, v platform.Verdict) error {
	proof, dead := proveDead(a, facts{Now: p.now(), Kind: s.kind(), Verdict: &v, Why: "the upload expired unfinished", Working: p.busy(a.Post)})
	if dead && p.clock.trusted() { // a clock that jumped proves no expiry
		reason := platform.Failure{Class: platform.Transient, After: platform.Transient, Code: "upload_expired",
			Message: "The connection broke during the hand-over and could not be resumed in time.", Remedy: shippost.RemedyRetry, LogID: v.LogID}
		return p.giveUp(ctx, s, a, proof, reason, afterRefusal(s, reason, p.now()))
	}
	if err := p.askAgain(ctx, a); err != nil {
		return err
	}
	if p.now().After(a.OpenedAt.Add(uploadLife)) {
		return nil
	}
	p.start(ctx, a.Post, func(ctx context.Context) { p.finish(ctx, pf, s, a) })
	return nil
}

// finish sends what is missing of a committed attempt, on the same upload. No guard is asked again: the point of no
// return is behind us.
func (p *Publisher) finish(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt) {
	r := &runner{Publisher: p, s: s, a: a, platform: pf, options: s.Post.Options}
	// The rows may have moved on while we waited for our turn.
	fresh, err := p.look(ctx, a.Post)
	if err != nil || fresh.Attempt == nil || fresh.Attempt.ID != a.ID || fresh.Attempt.State != shippost.AttemptCommitting ||
		fresh.Attempt.Fence != a.Fence || fresh.Attempt.Owner != a.Owner {
		return
	}
	r.s, r.a = fresh, *fresh.Attempt
	staged, err := r.stage(ctx)
	if err != nil {
		p.log.Info("cannot finish the upload of a committed attempt yet", "post", a.Post, "attempt", a.ID, "err", err)
		return
	}
	defer staged.Close()
	if err := staged.Wait(ctx); err != nil {
		p.log.Info("cannot finish the upload of a committed attempt yet", "post", a.Post, "attempt", a.ID, "err", err)
		return
	}
	chaos.Point("publish.resumed")
	left := r.s.Post.Due.At.Sub(p.now())
	if !p.clock.trusted() {
		left = guardAhead // its row was written by a clock that was right
	}
	r.release = p.elapsed() + max(left, 0)
	r.commit(context.WithoutCancel(ctx), staged)
}

// busy reports whether this process works on the post's attempt.
func (p *Publisher) busy(id shippost.PostID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.running[id]
	return ok
}

// neverTold makes an attempt unknown that the platform has not ended in three days.
func (p *Publisher) neverTold(ctx context.Context, s situation, a shippost.Attempt) error {
	if s.blind() {
		return p.lose(ctx, s, a, codeAccessLost,
			"ShipPost lost its access to this account after it handed the post over, so it could not learn what became of it. Look at the account itself and decide.")
	}
	return p.lose(ctx, s, a, "unconfirmed",
		"The platform has everything, and has not said for three days what became of it. Look at the account itself and decide.")
}

// lose makes an attempt unknown and its post unconfirmed: only a person may release it (D8).
func (p *Publisher) lose(ctx context.Context, s situation, a shippost.Attempt, code, message string) error {
	next := a
	next.State, next.EndedAt, next.NextPollAt = shippost.AttemptUnknown, p.now(), p.now().Add(askLate)
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := p.saveAttempt(ctx, tx, &next, a.State); err != nil {
			return err
		}
		post := s.Post
		post.Status, post.Phase, post.Hold = shippost.PostUnconfirmed, shippost.PhaseNone, nil
		post.Failure = &shippost.Failure{Code: code, Message: message, Remedy: shippost.RemedyDecide}
		if err := p.savePost(ctx, tx, &post, s.Post.Status, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostUnconfirmed, post, &next, map[string]any{"code": code}))
	})
}

// askOnceMore plans another question about an attempt that became unknown: the truth may come late. After two weeks only the
// platform's own message, or the account connected anew, has it looked at again.
func (p *Publisher) askOnceMore(ctx context.Context, a shippost.Attempt) error {
	if p.now().After(a.GuardedAt.Add(lateTruth)) {
		return p.stopAsking(ctx, a)
	}
	return p.askAfter(ctx, a, askLate, a.Failure)
}

// askAgain plans the next question by the usual rhythm.
func (p *Publisher) askAgain(ctx context.Context, a shippost.Attempt) error {
	wait := pollAfter(a.Polls)
	if a.State == shippost.AttemptLive {
		wait = idsAfter(a.Polls)
	}
	return p.askAfter(ctx, a, wait, nil)
}

// askAfter plans the next question. why is what came instead of an answer, nil when there was one.
func (p *Publisher) askAfter(ctx context.Context, a shippost.Attempt, wait time.Duration, why *shippost.Failure) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		return tx.CountPoll(ctx, a.ID, p.now().Add(wait), why)
	})
}

// askLater puts a question off that was not asked.
func (p *Publisher) askLater(ctx context.Context, a shippost.Attempt, wait time.Duration) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		return tx.SetNextPoll(ctx, a.ID, p.now().Add(wait))
	})
}

func (p *Publisher) stopAsking(ctx context.Context, a shippost.Attempt) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		return tx.SetNextPoll(ctx, a.ID, time.Time{})
	})
}

// latest returns the latest of the instants.
func latest(instants ...time.Time) time.Time {
	var last time.Time
	for _, t := range instants {
		if t.After(last) {
			last = t
		}
	}
	return last
}
