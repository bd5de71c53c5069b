package publish

import (
	"context"
	"errors"
	"reflect"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// failure puts any error of an attempt before its commit into the product's words: the one function that all of them pass.
func (p *Publisher) failure(pf platform.Platform, err error) platform.Failure {
	if platform.AsError(err) != nil {
		return pf.Classify(err)
	}
	e := shippost.AsError(err)
	f := platform.Failure{Code: e.Code, Message: e.Message, Remedy: e.Remedy, RetryAfter: e.RetryAfter}
	if _, ok := errors.AsType[*outdatedError](err); ok {
		f.Ask = true
	}
	switch e.Kind {
	case shippost.Invalid, shippost.Forbidden, shippost.NotFound, shippost.Conflict:
		f.Class = platform.Content
	case shippost.Reconnect:
		f.Class = platform.Auth
	case shippost.Wait:
		f.Class = platform.Rate
	default:
		f.Class, f.Code, f.Message = platform.Transient, "internal", "ShipPost had a problem of its own; it tries again."
	}
	return f
}

// fail decides what becomes of the attempt after err. It reports whether this runner goes on with it, and after what pause.
func (r *runner) fail(ctx context.Context, err error) (wait time.Duration, again bool, _ error) {
	r.tries++
	pe := platform.AsError(err)
	gone := pe != nil && pe.Code == platform.CodeUploadGone
	f := r.failure(r.platform, err)
	if f.Code == platform.CodeTokenReplaced && r.s.Replaced > 0 {
		// It was renewed for the attempt before this one, and again it is no good: more of them would only be thrown away.
		refused := *pe
		refused.Code = platform.CodeTokenRefused
		f = r.failure(r.platform, &refused)
	}
	s := r.s
	s.Attempt = &r.a
	d := dispose(s, f, r.now(), r.tries, gone)
	level := r.log.Info
	if d.Alarm || f.Class == platform.Unknown || pe == nil && shippost.ErrorKind(err) == shippost.Internal {
		level = r.log.Error
	}
	level("an attempt did not get through", "post", r.a.Post, "attempt", r.a.ID, "state", r.a.State, "class", f.Class,
		"code", f.Code, "next", d.Status, "resume", d.Resume, "err", err)
	if d.Resume {
		return max(d.Wake.Sub(r.now()), 0), true, nil
	}
	proof, ok := proveDead(r.a, facts{Now: r.now(), Kind: s.kind(), Why: f.Code})
	if !ok {
		return 0, false, shippost.Errorf(shippost.Internal, "no_proof", "attempt %s cannot be proven dead", r.a.ID)
	}
	err = r.end(ctx, &s, proof, d, f)
	chaos.Point("publish.settled")
	return 0, false, err
}

// end ends the attempt with the failure kept for history, whatever becomes of the post.
func (r *runner) end(ctx context.Context, s *situation, proof death, d disposition, f platform.Failure) error {
	return r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		a, post := *s.Attempt, s.Post
		if err := r.bury(ctx, tx, &a, proof, f.Post()); err != nil {
			return err
		}
		if f.Withdrawn {
			if err := r.vault.Withdrawn(ctx, tx, s.Account, f.Code); err != nil {
				return err
			}
		}
		return r.conclude(ctx, tx, &post, shippost.PostPublishing, d)
	})
}

// refuse ends an attempt that the guard did not let through, if it still is ours, and has the post looked at again.
func (r *runner) refuse(ctx context.Context, why refusal) (again bool, err error) {
	r.log.Info("an attempt was not allowed to commit", "post", r.a.Post, "attempt", r.a.ID, "why", why)
	if why == notOurs || why == withdrawn {
		return true, nil
	}
	proof, _ := proveDead(r.a, facts{Now: r.now(), Kind: r.s.kind(), Why: string(why)})
	err = r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		a := r.a
		if err := r.bury(ctx, tx, &a, proof, nil); err != nil {
			return err
		}
		return tx.Requeue(ctx, a.Post, r.now())
	})
	return err == nil, err
}

// sameOptions reports whether two sets of options send the same thing.
func sameOptions(a, b shippost.Options) bool { return reflect.DeepEqual(a, b) }
