package publish

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// recheck asks for the creator's permissions again shortly before the commit, if they were read long ago. What was sent
// at the opening cannot be changed: if it no longer fits, the attempt must die. All posts of an account share an answer
// that is fresh enough for each of them, so that no crowd is too large to be checked.
func (r *runner) recheck(ctx context.Context) error {
	earliest := r.s.Post.Due.At.Add(-creatorFresh)
	reader, ok := platform.Can[platform.CreatorReader](r.platform)
	if !ok || !r.askedAt.Before(earliest) {
		return nil
	}
	// Spread, so that a thousand posts do not ask in one second.
	if !r.sleepUntil(ctx, earliest.Add(10*time.Second+rand.N(30*time.Second))) {
		return ctx.Err()
	}
	if r.breakers[r.platform.Describe().Name].ahead() > 0 {
		return nil // it would not answer; it checks by itself when it is back
	}
	sent, resumed := r.options, r.askedAt.IsZero()
	creator, at, err := r.sharedCreator(ctx, reader, earliest)
	if err == nil {
		r.options = r.s.Post.Options
		err = r.allowedBy(ctx, creator, at)
	}
	if err != nil {
		return r.tolerate(err)
	}
	if !resumed && !sameOptions(sent, r.options) {
		return &refusedError{edited}
	}
	return nil
}

// tolerate lets a commit go ahead when the platform could not be asked: it checks again by itself. What it did say counts.
func (r *runner) tolerate(err error) error {
	if kind := shippost.ErrorKind(err); kind == shippost.Wait {
		return nil
	}
	if pe := platform.AsError(err); pe != nil && r.platform.Classify(err).Class == platform.Transient {
		return nil
	}
	return err
}

// lastWord is how long before the due time a post stops waiting for a request of its account's budget.
const lastWord = 3 * time.Second

// sharedCreator returns what the creator may do, as the platform said not before an instant, to whichever post of the
// account. Whoever comes first asks; the budget keeps some requests for that alone.
func (r *runner) sharedCreator(ctx context.Context, reader platform.CreatorReader, earliest time.Time) (shippost.Creator, time.Time, error) {
	for {
		q, mine := r.answers.of(r.s.Account, earliest, r.now())
		if mine {
			q.creator, q.err = r.askForAll(ctx, reader)
			if ctx.Err() != nil {
				q.err = ctx.Err()
			}
			close(q.done)
			return q.creator, q.at, q.err
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return shippost.Creator{}, time.Time{}, ctx.Err()
		}
		// That who asked was stopped says nothing about the others.
		if q.err == nil || platform.AsError(q.err) != nil || shippost.IsKind(q.err, shippost.Wait) || shippost.IsKind(q.err, shippost.Reconnect) {
			return q.creator, q.at, q.err
		}
	}
}

// askForAll asks once there is a request left for it, as long as that is in time.
func (r *runner) askForAll(ctx context.Context, reader platform.CreatorReader) (shippost.Creator, error) {
	for {
		err := r.take(ctx, r.s.Account, "creator", rechecksPerMinute)
		if err == nil {
			return r.readCreator(ctx, reader)
		}
		wait := shippost.AsError(err).RetryAfter
		if !shippost.IsKind(err, shippost.Wait) || r.now().Add(wait).After(r.s.Post.Due.At.Add(-lastWord)) {
			return shippost.Creator{}, err
		}
		if !pause(ctx, wait, nil) {
			return shippost.Creator{}, ctx.Err()
		}
	}
}

// answers are what platforms said lately about what creators may do.
type answers struct {
	mu   sync.Mutex
	last map[shippost.AccountID]*question
}

// question is one that was put for all posts of an account. Its answer is there when done is closed.
type question struct {
	epoch   int64
	at      time.Time // when it was put; the answer is no older
	done    chan struct{}
	creator shippost.Creator
	err     error
}

// of returns the latest question about an account, if it was put between two instants, has no error, and is about the same
// connection. Otherwise it returns a new one, which is the caller's to put.
func (a *answers) of(account shippost.Account, earliest, now time.Time) (q *question, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q, ok := a.last[account.ID]
	if ok && q.epoch == account.Epoch && !q.at.Before(earliest) && !q.at.After(now) && (!isClosed(q.done) || q.err == nil) {
		return q, false
	}
	for id, old := range a.last {
		if now.Sub(old.at).Abs() > 2*creatorFresh {
			delete(a.last, id)
		}
	}
	if a.last == nil {
		a.last = map[shippost.AccountID]*question{}
	}
	q = &question{epoch: account.Epoch, at: now, done: make(chan struct{})}
	a.last[account.ID] = q
	return q, true
}
