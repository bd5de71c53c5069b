package publish

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// runner brings one attempt from planned (or open, after a break) past its commit.
type runner struct {
	*Publisher
	s          situation
	platform   platform.Platform
	options    shippost.Options // what is sent: the post's, less what the creator forbids now
	off        []string         // what was noted to be left out of options
	askedAt    time.Time        // when the creator's permissions were read
	tries      int              // failures of this attempt
	reserved   bool             // an init request was taken from the budget and not made yet
	reservedAt time.Duration    // when, by the monotonic clock
	release    time.Duration    // when the last bytes may leave by the monotonic clock; 0 when no guard was asked

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
		// What becomes of the attempt and its post is not for a wrong clock to decide.
		if !r.clock.untilTrusted(ctx) {
			return false, nil
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
		chaos.Point("publish.checked")
	}
	staged, err := r.stage(ctx)
	if err != nil {
		return err
	}
	defer staged.Close()
	chaos.Point("publish.transferred")
	if err := r.phase(ctx, shippost.PhaseStaged, shippost.EntryPostStaged); err != nil {
		return err
	}
	chaos.Point("publish.staged")
	if err := r.ready(ctx, staged); err != nil {
		return err
	}
	if err := r.pastTheGuard(ctx, staged); err != nil {
		return err
	}
	chaos.Point("publish.committing")
	r.commit(context.WithoutCancel(ctx), staged)
	return nil
}

// ready makes sure that the attempt can be committed at once, and may. Bringing the last request up to its tail takes the
// time it takes, so the creator's permissions are read meanwhile. An attempt that Wait itself opens has to wait for them.
func (r *runner) ready(ctx context.Context, staged platform.Staged) error {
	if r.pulled() {
		if err := r.recheck(ctx); err != nil {
			return err
		}
		return r.heard(r.platform, r.a.Account, staged.Wait(ctx))
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return r.recheck(ctx) })
	both.Go(func() error { return r.heard(r.platform, r.a.Account, staged.Wait(ctx)) })
	return both.Wait()
}

// hold waits for an instant of the product's clock with an attempt that is ready, and makes it ready again as often as its
// line is cut. It never returns early.
func (r *runner) hold(ctx context.Context, staged platform.Staged, at time.Time) error {
	for {
		lost := staged.Lost()
		for d := at.Sub(r.now()); d > 0; d = at.Sub(r.now()) {
			if !pause(ctx, min(d, longestSleep), lost) {
				return ctx.Err()
			}
			if isClosed(lost) {
				break
			}
		}
		if !isClosed(lost) {
			return ctx.Err()
		}
		r.log.Info("the line of a held upload was cut; resuming it", "post", r.a.Post, "attempt", r.a.ID)
		if err := r.heard(r.platform, r.a.Account, staged.Wait(ctx)); err != nil {
			return err
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// pastTheGuard waits for the instant and writes the committing row, as often as it takes: the clock may be set, and posts
// of a backlog wait for one another.
func (r *runner) pastTheGuard(ctx context.Context, staged platform.Staged) error {
	at := r.s.Post.Due.At.Add(-guardAhead)
	if r.pulled() {
		at = r.s.Post.Due.At // here the row itself is the commit
	}
	for {
		if err := r.hold(ctx, staged, at); err != nil {
			return err
		}
		if !r.clock.untilTrusted(ctx) {
			return ctx.Err()
		}
		// The line may have been cut while the clock was not trusted; better to know before the point of no return.
		if err := r.heard(r.platform, r.a.Account, staged.Wait(ctx)); err != nil {
			return err
		}
		if r.now().After(r.a.OpenedAt.Add(r.platform.Describe().OpenLife)) {
			return &refusedError{tooOld}
		}
		if err := r.lookBack(ctx); err != nil {
			return err
		}
		chaos.Point("publish.waited")
		next, err := r.commitRow(ctx)
		if err != nil || next.IsZero() {
			return err
		}
		at = latest(at, next) // the row of photos is their commit
	}
}

// preflight makes sure, before anything leaves, that the post may be sent as it is: the file is the one that was
// received, and the creator may still do what the post wants.
func (r *runner) preflight(ctx context.Context) error {
	for _, m := range r.s.Media {
		if err := r.files.Verify(ctx, m); err != nil {
			return err
		}
	}
	if err := r.consented(ctx); err != nil {
		return err
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
	creator, err := r.readCreator(ctx, reader)
	if err != nil {
		return err
	}
	return r.allowedBy(ctx, creator, r.now())
}

// readCreator asks the platform what the creator may do.
func (r *runner) readCreator(ctx context.Context, reader platform.CreatorReader) (shippost.Creator, error) {
	if err := r.pass(ctx); err != nil {
		return shippost.Creator{}, err
	}
	creator, err := reader.Creator(ctx, r.vault.For(r.s.Account.ID))
	if err := r.heard(r.platform, r.s.Account.ID, err); err != nil {
		return shippost.Creator{}, err
	}
	r.note(ctx, creator)
	return creator, nil
}

// allowedBy holds the post against what the creator was allowed to do at a time.
func (r *runner) allowedBy(ctx context.Context, creator shippost.Creator, at time.Time) error {
	r.askedAt = at
	if adjuster, ok := platform.Can[platform.Adjuster](r.platform); ok {
		var off []shippost.Problem
		r.options, off = adjuster.Adjust(r.options, creator)
		r.adjusted(ctx, off)
	}
	draft := platform.Draft{Caption: r.s.Post.Caption, Options: r.options, Media: r.s.Media}
	if err := shippost.Rejected(r.platform.Validate(draft, creator)); err != nil {
		return &outdatedError{err}
	}
	return nil
}

// outdatedError says that what was agreed to cannot be sent any more as it is, because the creator or the platform changed
// since. Nothing is chosen in its place: the creator is asked.
type outdatedError struct{ err error }

// Error names what does not fit.
func (e *outdatedError) Error() string { return e.err.Error() }

// Unwrap returns what does not fit, with a sentence and a remedy.
func (e *outdatedError) Unwrap() error { return e.err }

// adjusted tells the journal, once for each change, that something the creator forbids by now is left out.
func (r *runner) adjusted(ctx context.Context, off []shippost.Problem) {
	codes := make([]string, len(off))
	for i, p := range off {
		codes[i] = p.Code
	}
	if len(off) == 0 || slices.Equal(codes, r.off) {
		return
	}
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		return tx.Record(ctx, r.entry(shippost.EntryPostAdjusted, r.s.Post, &r.a, map[string]any{"codes": codes}))
	})
	if err != nil {
		r.log.Warn("cannot note what a creator forbids by now", "post", r.a.Post, "err", err)
		return
	}
	r.off = codes
}

// consented makes sure that what is about to be sent is what somebody agreed to, as the ledger has it.
func (r *runner) consented(ctx context.Context) error {
	if r.s.Post.Options.TikTok == nil {
		return nil // a platform that asks for no consent
	}
	var ledger []shippost.Consent
	err := r.db.View(ctx, func(tx *store.Tx) (err error) {
		ledger, err = tx.Consents(ctx, r.s.Post.ID)
		return err
	})
	if err != nil {
		return err
	}
	missing := shippost.Errorf(shippost.Invalid, "consent_missing", "What this post sends is not what was agreed to. Look at it once more and agree to TikTok's declaration.").
		At("options.tiktok.consent").With(shippost.RemedyEdit)
	if len(ledger) == 0 {
		return &outdatedError{missing}
	}
	given := ledger[len(ledger)-1]
	var hashes []string
	for _, m := range r.s.Media {
		hashes = append(hashes, m.SHA256)
	}
	if given.Account != r.s.Post.Account || given.Caption != r.s.Post.Caption || !slices.Equal(given.Media, hashes) || !sameOptions(given.Options, r.s.Post.Options) {
		return &outdatedError{missing}
	}
	return nil
}

// note keeps a handle or a name that changed at the platform: the address of the post is made of it. A post is not held
// up when that cannot be written.
func (r *runner) note(ctx context.Context, creator shippost.Creator) {
	if !r.s.Account.Outdated(creator) {
		return
	}
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error { return tx.NoteCreator(ctx, r.s.Account, creator) })
	if err != nil {
		r.log.Warn("cannot keep the changed handle of an account", "account", r.s.Account.ID, "err", err)
	}
}

// stage brings the bytes to the platform, with a limit on how many files travel at once.
func (r *runner) stage(ctx context.Context) (platform.Staged, error) {
	if r.a.State == shippost.AttemptPlanned && !r.pulled() {
		if err := r.reserveInit(ctx); err != nil {
			return nil, err
		}
	}
	done, err := r.transfers.take(ctx, string(r.a.Account), string(r.a.Workspace))
	if err != nil {
		return nil, err
	}
	defer done()
	payload, err := r.payload()
	if err != nil {
		return nil, err
	}
	if r.pulled() && payload.Receipt.IsZero() {
		if err := r.issue(ctx, &payload); err != nil {
			return nil, err
		}
	}
	if !payload.Receipt.IsZero() {
		if err := r.pass(ctx); err != nil {
			return nil, err
		}
	}
	staged, err := r.platform.Stage(ctx, payload, attemptLedger{r})
	return staged, r.heard(r.platform, r.a.Account, err)
}

// payload is the frozen content of the attempt, with all that is needed to send it.
func (r *runner) payload() (platform.Payload, error) {
	receipt, err := r.receipt(r.a)
	pl := r.question()
	pl.Receipt = receipt
	return pl, err
}

// question is the content of an attempt about which the platform is asked: no address to upload to, which nobody may need
// that only wants to know.
func (r *runner) question() platform.Payload {
	pl := platform.Payload{Attempt: r.a.ID, Account: r.a.Account, Handle: r.s.Account.Handle, Caption: r.s.Post.Caption, Options: r.options,
		Tokens: r.vault.For(r.a.Account), Receipt: shippost.Receipt{PublishID: r.a.PublishID, OpenedAt: r.a.OpenedAt}, Due: r.s.Post.Due.At}
	for _, m := range r.s.Media {
		pl.Media = append(pl.Media, platform.File{Kind: m.Kind, Type: m.Type, Size: m.Size, SHA256: m.SHA256, Facts: m.Facts,
			Open: func(ctx context.Context, offset int64) (io.ReadCloser, error) { return r.files.Open(ctx, m, offset) }})
	}
	return pl
}

// phase tells people how far the post is.
func (r *runner) phase(ctx context.Context, phase shippost.Phase, kind shippost.EntryKind) error {
	held := r.s.Post.Hold
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		post := r.s.Post
		post.Status, post.Phase, post.Hold, post.Failure = shippost.PostPublishing, phase, nil, nil
		if err := r.savePost(ctx, tx, &post, shippost.PostPublishing, time.Time{}); err != nil {
			return err
		}
		if held != nil {
			if err := tx.Record(ctx, r.entry(shippost.EntryPostReleased, post, &r.a, map[string]any{"code": held.Code})); err != nil {
				return err
			}
		}
		return tx.Record(ctx, r.entry(kind, post, &r.a, nil))
	})
	if err == nil {
		r.s.Post.Hold = nil
	}
	return err
}

// sleepUntil waits for an instant of the product's clock; it reports false when ctx ended first. It never returns early.
func (p *Publisher) sleepUntil(ctx context.Context, at time.Time) bool {
	for {
		d := at.Sub(p.now())
		if d <= 0 {
			return ctx.Err() == nil
		}
		// Now and then it is looked up whether the clock was set meanwhile.
		if !pause(ctx, min(d, longestSleep), nil) {
			return false
		}
	}
}

// longestSleep is how late a post may become by a clock that was put forward to where it belongs.
const longestSleep = 10 * time.Second
