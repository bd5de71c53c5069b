package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// entry is a line of the journal about a post, written by ShipPost itself.
func (p *Publisher) entry(kind shippost.EntryKind, post shippost.Post, a *shippost.Attempt, data map[string]any) shippost.Entry {
	e := shippost.Entry{Workspace: post.Workspace, At: p.now(), Kind: kind, Actor: shippost.System(post.Workspace),
		Account: post.Account, Post: post.ID, Data: data}
	if a != nil {
		e.Attempt = a.ID
	}
	return e
}

// savePost writes what the publisher may change of a post, if it still is in the status and version we know.
// A lost race is a Conflict, which undoes the transaction.
func (p *Publisher) savePost(ctx context.Context, tx *store.Tx, post *shippost.Post, was shippost.PostStatus, wake time.Time) error {
	post.UpdatedAt = p.now()
	ok, err := tx.SavePublishing(ctx, post, was, wake)
	if err != nil || ok {
		return err
	}
	return errLost
}

// saveAttempt writes an attempt, if it still is in the state, and ours as we know it.
func (p *Publisher) saveAttempt(ctx context.Context, tx *store.Tx, a *shippost.Attempt, was shippost.AttemptState) error {
	ok, err := tx.SaveAttempt(ctx, a, was)
	if err != nil || ok {
		return err
	}
	return errLost
}

// errLost says that somebody else moved the post or the attempt on. It is never an error for people: whoever meets it
// reads the rows again and decides anew.
var errLost = shippost.Errorf(shippost.Conflict, "moved_on", "This post has just been changed by somebody else. Look at it again.")

// lost reports whether err is errLost.
func lost(err error) bool { return shippost.IsCode(err, errLost.Code) }

// bury writes an attempt's death and its proof.
func (p *Publisher) bury(ctx context.Context, tx *store.Tx, a *shippost.Attempt, proof death, failure *shippost.Failure) error {
	was := a.State
	buried := *a
	buried.State, buried.Death, buried.Evidence, buried.Failure = shippost.AttemptDead, proof.Rule, proof.Evidence, failure
	buried.EndedAt, buried.NextPollAt = p.now(), time.Time{}
	if err := p.saveAttempt(ctx, tx, &buried, was); err != nil {
		return err
	}
	data := map[string]any{"rule": proof.Rule, "was": string(was), "number": a.Number}
	if failure != nil {
		data["code"] = failure.Code
	}
	*a = buried
	return tx.Record(ctx, shippost.Entry{Workspace: a.Workspace, At: p.now(), Kind: shippost.EntryAttemptDied,
		Actor: shippost.System(a.Workspace), Account: a.Account, Post: a.Post, Attempt: a.ID, Data: data})
}

// settle ends the present attempt as dead, if there is one and it must not be resumed, and writes what becomes of the
// post: all in one transaction.
func (p *Publisher) settle(ctx context.Context, s *situation, proof death, d disposition) error {
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		post := s.Post
		was := post.Status
		if s.Attempt != nil && !d.Resume {
			a := *s.Attempt
			if err := p.bury(ctx, tx, &a, proof, d.Failure); err != nil {
				return err
			}
		}
		return p.conclude(ctx, tx, &post, was, d)
	})
}

// conclude writes what becomes of a post and tells the journal.
func (p *Publisher) conclude(ctx context.Context, tx *store.Tx, post *shippost.Post, was shippost.PostStatus, d disposition) error {
	held := post.Hold
	post.Status, post.Phase, post.Hold, post.Failure = d.Status, shippost.PhaseNone, d.Hold, d.Failure
	if d.Resume {
		// The attempt stays alive; a person sees that it is on its way.
		post.Status, post.Phase = shippost.PostPublishing, shippost.PhaseStaging
	}
	if held != nil && d.Hold != nil && held.Code == d.Hold.Code {
		post.Hold.Since = held.Since
	}
	if err := p.savePost(ctx, tx, post, was, d.Wake); err != nil {
		return err
	}
	for _, e := range p.conclusions(*post, held, d) {
		if err := tx.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) conclusions(post shippost.Post, held *shippost.Hold, d disposition) []shippost.Entry {
	var entries []shippost.Entry
	add := func(kind shippost.EntryKind, code string) {
		entries = append(entries, p.entry(kind, post, nil, map[string]any{"code": code}))
	}
	code := ""
	if d.Failure != nil {
		code = d.Failure.Code
	}
	switch {
	case d.Status == shippost.PostFailed:
		add(shippost.EntryPostFailed, code)
	case d.Status == shippost.PostCancelled:
		add(shippost.EntryPostCancelled, "stopped")
	case d.Status == shippost.PostMissed:
		add(shippost.EntryPostMissed, code)
	case d.Hold != nil && (held == nil || held.Code != d.Hold.Code):
		add(shippost.EntryPostHeld, d.Hold.Code)
	case d.Hold == nil && held != nil:
		add(shippost.EntryPostReleased, held.Code)
	}
	if d.Alarm {
		add(shippost.EntryPublisherAlarm, code)
	}
	return entries
}
