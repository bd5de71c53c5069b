package publish

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// attemptLedger writes the steps of a runner's attempt before they happen.
type attemptLedger struct{ *runner }

var _ platform.Ledger = attemptLedger{}

// Intend makes the attempt init_sent.
func (l attemptLedger) Intend(ctx context.Context) error {
	var now time.Time
	for set := true; set; set = !l.clock.trusted() {
		if !l.clock.untilTrusted(ctx) {
			return ctx.Err()
		}
		if err := l.depart(ctx); err != nil {
			return err
		}
		now = l.now() // waiting may have taken long, and the clock may have been set meanwhile
	}
	if why := l.mayOpen(now); why != "" {
		return &refusedError{why}
	}
	next := l.a
	next.State, next.InitSentAt = shippost.AttemptInitSent, now
	if err := l.advance(ctx, next); err != nil {
		return err
	}
	chaos.Point("publish.init_intended")
	return nil
}

// Opened stores the receipt; the attempt is open.
func (l attemptLedger) Opened(ctx context.Context, r shippost.Receipt) error {
	chaos.Point("publish.init_answered")
	sealed, err := l.sealer.Seal(r.UploadURL, uploadURLRow(l.a.ID))
	if err != nil {
		return err
	}
	next := l.a
	next.State, next.PublishID, next.UploadURL, next.OpenedAt = shippost.AttemptOpen, r.PublishID, sealed, r.OpenedAt
	// What the platform gave is kept even if we are being stopped: the next start goes on with it.
	if err := l.advance(context.WithoutCancel(ctx), next); err != nil {
		return err
	}
	chaos.Point("publish.opened")
	return nil
}

// uploadURLRow names where an upload URL is stored, for its seal.
func uploadURLRow(id shippost.AttemptID) seal.Row {
	return seal.Row{Table: "attempts", Column: "upload_url", ID: string(id)}
}

// receipt returns what the platform gave for an attempt; the zero Receipt if it gave nothing yet.
func (p *Publisher) receipt(a shippost.Attempt) (shippost.Receipt, error) {
	if a.PublishID == "" {
		return shippost.Receipt{}, nil
	}
	url, err := p.sealer.Open(a.UploadURL, uploadURLRow(a.ID))
	return shippost.Receipt{PublishID: a.PublishID, UploadURL: url, OpenedAt: a.OpenedAt}, err
}

// Progress keeps the number for people. It is written at most once a second, and a lost write does no harm.
func (l attemptLedger) Progress(sent int64) {
	if sent > 0 {
		chaos.Point("publish.progressed")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if sent <= l.a.Sent || now.Sub(l.progressAt) < time.Second {
		return
	}
	l.progressAt, l.a.Sent = now, sent
	a := l.a
	// Best effort, in the background: the transfer must not wait for the disk.
	l.workers.Go(func() {
		_ = l.db.Update(context.Background(), func(tx *store.Tx) error { return tx.SetSent(context.Background(), a, sent) })
	})
}

// advance writes the attempt's next state by compare-and-set and keeps it.
func (r *runner) advance(ctx context.Context, next shippost.Attempt) error {
	err := r.db.UpdateTogether(ctx, func(tx *store.Tx) error {
		return r.saveAttempt(ctx, tx, &next, r.a.State)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.a = next
	return nil
}

// Requests to a platform per account and minute that ShipPost allows itself; the platform allows more (reliability §7).
const (
	initsPerMinute    = 4
	statusPerMinute   = 24
	creatorsPerMinute = 15
	rechecksPerMinute = 18 // what is checked last must not wait for what only begins
)

// codeOwnBudget is the code of a request that our own budget has no room for; when it has is known exactly.
const codeOwnBudget = "own_budget"

// reservedFor is how long an init request that was taken from the budget may wait to leave. Then it is taken anew.
const reservedFor = 15 * time.Second

// reserveInit takes an init request from the account's budget, before anything else of ours is taken that others want too.
func (r *runner) reserveInit(ctx context.Context) error {
	if r.reserved && r.elapsed()-r.reservedAt < reservedFor {
		return nil
	}
	err := r.takeQuota(ctx, "init", initsPerMinute)
	r.reserved, r.reservedAt = err == nil, r.elapsed()
	return err
}

// takeQuota takes one request from an account's budget, and waits until there is one. No attempt is given up for that.
func (r *runner) takeQuota(ctx context.Context, what string, limit int) error {
	until := allowedUntil(r.s.Post, r.s.Committed)
	for {
		err := r.take(ctx, r.s.Account, what, limit)
		if !shippost.IsKind(err, shippost.Wait) {
			return err
		}
		left := until.Sub(r.now())
		if left < 0 {
			return &refusedError{tooLate}
		}
		// The budget is counted by the product's clock, which may be set meanwhile.
		if !pause(ctx, min(shippost.AsError(err).RetryAfter, left+time.Second, longestSleep), nil) {
			return ctx.Err()
		}
	}
}

// take takes one request from an account's budget, which all nodes share. It fails with kind Wait when there is none.
func (p *Publisher) take(ctx context.Context, account shippost.Account, what string, limit int) error {
	scope := string(account.Platform) + "|" + what + "|" + string(account.ID)
	ok, after, err := p.quota.Take(ctx, scope, limit, time.Minute)
	if err != nil || ok {
		return err
	}
	wait := shippost.Errorf(shippost.Wait, codeOwnBudget, "This account has used its requests of this minute.")
	wait.RetryAfter = after
	return wait
}
