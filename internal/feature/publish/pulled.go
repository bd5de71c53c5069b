package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// What differs when the platform fetches the files itself: their addresses are issued for each attempt, the attempt is
// opened at the due time, the committing row opens the gate, and the gate's ledger says what may have been fetched.

// pulled reports whether the platform fetches the files of the post.
func (r *runner) pulled() bool { return pulls(r.platform, r.s) }

func pulls(pf platform.Platform, s situation) bool {
	puller, ok := platform.Can[platform.Puller](pf)
	return ok && puller.Pulls(s.kind())
}

// issue makes the addresses of an attempt that is not open yet and puts them into its payload.
func (r *runner) issue(ctx context.Context, payload *platform.Payload) error {
	if r.gate == nil {
		return shippost.Errorf(shippost.Internal, "no_gate", "nothing serves the files of attempt %s", r.a.ID)
	}
	var addresses []shippost.Secret
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		made, ours, err := r.gate.Issue(ctx, tx, r.a, r.s.Post.Media)
		if err == nil && !ours {
			err = errLost
		}
		addresses = made
		return err
	})
	if err != nil {
		return err
	}
	chaos.Point("publish.issued")
	for i := range payload.Media {
		payload.Media[i].URL = addresses[i]
	}
	return nil
}

// fetching goes on with a committed attempt whose platform fetches the files or works on them; it does not say which.
// The ledger does: with every last byte out the attempt is handed over. While one is missing after the platform's own
// time for fetching, the gate is closed for good, and then that byte's absence is the proof of death (D7).
func (p *Publisher) fetching(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt, v platform.Verdict) error {
	ledger, err := p.ledger(ctx, a)
	if err != nil {
		return err
	}
	now := p.now()
	switch {
	case a.State == shippost.AttemptCommitting && ledger.Missing == 0:
		if err := p.acknowledged(ctx, s, &a); err != nil {
			return err
		}
	case a.State == shippost.AttemptCommitting && (!now.After(a.OpenedAt.Add(uploadLife+deathMargin)) || !p.clock.trusted()):
	case a.State == shippost.AttemptCommitting && !ledger.Closed:
		return p.closeGate(ctx, pf, s, a)
	case a.State == shippost.AttemptCommitting:
		// What has not left whole by now never will.
		proof, dead := proveDead(a, facts{Now: now, Kind: s.kind(), Verdict: &v, Ledger: ledger, Why: "not everything was fetched in time"})
		if dead {
			reason := platform.Failure{Class: platform.Transient, After: platform.Transient, Code: "fetch_expired", Remedy: shippost.RemedyRetry, LogID: v.LogID,
				Message: "The platform did not fetch all photos within an hour, so nothing was published."}
			return p.giveUp(ctx, s, a, proof, reason, afterRefusal(s, reason, now))
		}
	}
	if p.silentTooLong(a) {
		return p.neverTold(ctx, s, a)
	}
	return p.askAgain(ctx, a)
}

func (p *Publisher) ledger(ctx context.Context, a shippost.Attempt) (l gate.Ledger, err error) {
	if p.gate == nil {
		return l, shippost.Errorf(shippost.Internal, "no_gate", "nothing serves the files of attempt %s", a.ID)
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		l, err = p.gate.Ledger(ctx, tx, a.ID)
		return err
	})
	return l, err
}

// closeGate closes the gate of a committed attempt that was not fetched in time, asks the platform to stop, and has it
// asked again soon: before anything else it is given the chance to say what became of it.
func (p *Publisher) closeGate(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt) error {
	err := p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := p.gate.Close(ctx, tx, a.ID); err != nil {
			return err
		}
		return tx.SetNextPoll(ctx, a.ID, p.now().Add(afterClosing))
	})
	if err != nil {
		return err
	}
	return p.tellToStop(ctx, pf, s, a)
}

// afterClosing is how long after its gate was closed an attempt is asked about again.
const afterClosing = 10 * time.Second

// tellToStop asks the platform to give an attempt up whose gate is closed. What it answers changes nothing: only what it
// says became of the attempt does. Once it has answered, it is not asked again.
func (p *Publisher) tellToStop(ctx context.Context, pf platform.Platform, s situation, a shippost.Attempt) error {
	chaos.Point("publish.closed")
	var answered *platform.Failure
	if canceller, ok := platform.Can[platform.Canceller](pf); ok {
		question := (&runner{Publisher: p, s: s, a: a, options: s.Post.Options}).question()
		if err := p.heard(pf, a.Account, canceller.Cancel(ctx, question)); err != nil {
			f := p.failure(pf, err)
			p.log.Info("the platform did not take back an attempt whose gate is closed", "post", a.Post, "attempt", a.ID, "code", f.Code, "err", err)
			if f.Class == platform.Transient || f.Class == platform.Rate || f.Class == platform.Auth {
				return nil // it did not listen, and is told again before the next question
			}
			answered = &f
		}
	}
	chaos.Point("publish.told")
	return p.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		if err := tx.StopTold(ctx, a.ID); err != nil || answered == nil || a.StopAskedAt.IsZero() {
			return err
		}
		return tx.Record(ctx, p.entry(shippost.EntryPostStopping, s.Post, &a, map[string]any{"code": answered.Code, "message": answered.Message}))
	})
}
