package publish

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// runner brings one attempt from planned (or open, after a break) past its commit.
type runner struct {
	*Publisher
	s        situation
	platform platform.Platform
	options  shippost.Options // what is sent: the post's, less what the creator forbids now
	askedAt  time.Time        // when the creator's permissions were read
	tries    int              // failures of this attempt

	mu         sync.Mutex // guards a against Progress
	a          shippost.Attempt
	progressAt time.Time
}

// run works until the attempt is committed, dead, or parked. It reports whether to look at the post again at once.
func (r *runner) run(ctx context.Context) (again bool, err error) {
	if r.platform, err = r.Publisher.platform(r.s); err != nil {
		return false, err
	}
	for {
		err := r.publish(ctx)
		switch {
		case err == nil:
			return false, nil
		case ctx.Err() != nil && !lost(err):
			return false, nil // parked: the rows tell the next process where to go on
		case lost(err):
			return true, nil // somebody else moved it on: decide anew
		}
		var refused *refusedError
		if errors.As(err, &refused) {
			return r.refuse(ctx, refused.why)
		}
		wait, again, err := r.fail(ctx, err)
		if err != nil || !again {
			return false, err
		}
		if !pause(ctx, wait, nil) {
			return false, nil
		}
	}
}

// publish stages the attempt, waits for the instant, and commits.
func (r *runner) publish(ctx context.Context) error {
	if r.a.State == shippost.AttemptPlanned {
		if err := r.preflight(ctx); err != nil {
			return err
		}
	}
	staged, err := r.stage(ctx)
	if err != nil {
		return err
	}
	defer staged.Close()
	if err := r.phase(ctx, shippost.PhaseStaged, shippost.EntryPostStaged); err != nil {
		return err
	}
	chaos.Point("publish.staged")
	if err := r.recheck(ctx); err != nil {
		return err
	}
	if err := staged.Wait(ctx); err != nil {
		return err
	}
	if !r.sleepUntil(ctx, r.s.Post.Due.At.Add(-guardAhead)) {
		return ctx.Err()
	}
	// The line may have been cut while we slept; better to know before the point of no return.
	if err := staged.Wait(ctx); err != nil {
		return err
	}
	if err := r.commitRow(ctx); err != nil {
		return err
	}
	chaos.Point("publish.committing")
	r.commit(context.WithoutCancel(ctx), staged)
	return nil
}

// preflight makes sure, before anything leaves, that the post may be sent as it is: the file is the one that was
// received, and the creator may still do what the post wants.
func (r *runner) preflight(ctx context.Context) error {
	for _, m := range r.s.Media {
		if err := r.files.Verify(ctx, m); err != nil {
			return err
		}
	}
	return r.askCreator(ctx)
}

// askCreator reads what the creator may do now, and holds the post against it.
func (r *runner) askCreator(ctx context.Context) error {
	r.options = r.s.Post.Options
	reader, ok := platform.Can[platform.CreatorReader](r.platform)
	if !ok {
		return nil
	}
	if err := r.takeQuota(ctx, "creator", creatorsPerMinute); err != nil {
		return err
	}
	creator, err := reader.Creator(ctx, r.vault.For(r.s.Account.ID))
	if err != nil {
		return err
	}
	r.askedAt = r.now()
	if adjuster, ok := platform.Can[platform.Adjuster](r.platform); ok {
		r.options, _ = adjuster.Adjust(r.options, creator)
	}
	draft := platform.Draft{Caption: r.s.Post.Caption, Options: r.options, Media: r.s.Media}
	return shippost.Rejected(r.platform.Validate(draft, creator))
}

// recheck asks for the creator's permissions again shortly before the commit, if they were read long ago. What was sent
// at the opening cannot be changed: if it no longer fits, the attempt must die.
func (r *runner) recheck(ctx context.Context) error {
	latest := r.s.Post.Due.At.Add(-creatorFresh)
	if !r.askedAt.Before(latest) {
		return nil
	}
	// Spread, so that a thousand posts do not ask in one second.
	if !r.sleepUntil(ctx, latest.Add(10*time.Second+rand.N(30*time.Second))) {
		return ctx.Err()
	}
	sent, resumed := r.options, r.askedAt.IsZero()
	if err := r.askCreator(ctx); err != nil {
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

// stage brings the bytes to the platform, with a limit on how many files travel at once.
func (r *runner) stage(ctx context.Context) (platform.Staged, error) {
	select {
	case r.transfers <- struct{}{}:
		defer func() { <-r.transfers }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	return r.platform.Stage(ctx, payload, attemptLedger{r})
}

// payload is the frozen content of the attempt.
func (r *runner) payload() (platform.Payload, error) {
	receipt, err := r.receipt(r.a)
	pl := platform.Payload{Attempt: r.a.ID, Account: r.a.Account, Handle: r.s.Account.Handle, Caption: r.s.Post.Caption, Options: r.options,
		Tokens: r.vault.For(r.a.Account), Receipt: receipt, Due: r.s.Post.Due.At}
	for _, m := range r.s.Media {
		pl.Media = append(pl.Media, platform.File{Kind: m.Kind, Type: m.Type, Size: m.Size, SHA256: m.SHA256, Facts: m.Facts,
			Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) { return r.files.Open(ctx, m, offset) }})
	}
	return pl, err
}

// phase tells people how far the post is.
func (r *runner) phase(ctx context.Context, phase shippost.Phase, kind shippost.EntryKind) error {
	return r.writer.update(ctx, func(ctx context.Context, tx *store.Tx) error {
		post := r.s.Post
		post.Status, post.Phase, post.Hold, post.Failure = shippost.PostPublishing, phase, nil, nil
		if err := r.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, r.entry(kind, post, &r.a, nil))
	})
}

// refusedError says that the guard did not let the attempt commit.
type refusedError struct{ why refusal }

// Error names the reason.
func (e *refusedError) Error() string { return "commit refused: " + string(e.why) }

// commitRow writes the committing row if the guard lets it: the durable record without which no last byte leaves.
func (r *runner) commitRow(ctx context.Context) error {
	var why refusal
	next := r.a
	err := r.writer.update(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := r.now()
		row, err := tx.LockForCommit(ctx, r.a.ID)
		if err != nil {
			return err
		}
		why = guard(r.a, row, now)
		if why == "" && now.After(allowedUntil(r.s.Post, r.s.Committed)) {
			why = tooLate
		}
		if why != "" {
			return nil
		}
		next.State, next.GuardedAt = shippost.AttemptCommitting, now
		// Even if we never get to say what came of it, somebody will ask.
		next.NextPollAt = latest(now, r.s.Post.Due.At).Add(askAnyway)
		if err := r.saveAttempt(ctx, tx, &next, shippost.AttemptOpen); err != nil {
			return err
		}
		post := r.s.Post
		post.Status, post.Phase, post.Hold, post.Failure = shippost.PostPublishing, shippost.PhaseCommitting, nil, nil
		if err := r.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		return tx.Record(ctx, r.entry(shippost.EntryPostCommitting, post, &next, nil))
	})
	if err != nil {
		return err
	}
	if why != "" {
		return &refusedError{why}
	}
	r.a = next
	return nil
}

// askAnyway is when the platform is asked about a commit of which nothing was heard.
const askAnyway = 30 * time.Second

// commitTimeout bounds how long the answer to the last bytes is waited for. Without one the platform is asked.
const commitTimeout = 2 * time.Minute

// commit lets the last bytes go at the due time. Whatever comes of it, the attempt is committed from here on and only
// the platform's word ends it (I4).
func (r *runner) commit(ctx context.Context, staged platform.Staged) {
	r.sleepUntil(ctx, r.s.Post.Due.At)
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	out, err := r.platform.Commit(ctx, staged)
	chaos.Point("publish.sent")
	if err != nil {
		r.log.Warn("no clear answer to the last bytes; asking the platform", "post", r.a.Post, "attempt", r.a.ID, "err", err)
	}
	r.remember(ctx, out)
}

// remember stores the outcome of a commit. It does not give up: losing it would cost the exact time of the hand-over,
// though never the post, since the platform is asked in any case.
func (r *runner) remember(ctx context.Context, out platform.Outcome) {
	for try := 1; ; try++ {
		err := r.writer.update(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
			return r.handedOver(ctx, tx, r.a, out)
		})
		if lost(err) {
			// The platform was asked meanwhile and the attempt moved on; when the last byte left is still ours to tell.
			err = r.writer.update(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
				return tx.NoteCommitted(ctx, r.a.ID, r.a.Post, out.LastByteAt)
			})
		}
		if err == nil {
			chaos.Point("publish.remembered")
			nudge(r.asked)
			return
		}
		r.log.Error("cannot store that the last bytes were sent; trying again", "post", r.a.Post, "attempt", r.a.ID, "err", err)
		if try == 30 {
			return
		}
		pause(context.WithoutCancel(ctx), time.Second, nil)
	}
}

// sleepUntil waits for an instant of the product's clock; it reports false when ctx ended first. It never returns early.
func (p *Publisher) sleepUntil(ctx context.Context, at time.Time) bool {
	for {
		d := at.Sub(p.now())
		if d <= 0 {
			return ctx.Err() == nil
		}
		if !pause(ctx, d, nil) {
			return false
		}
	}
}
