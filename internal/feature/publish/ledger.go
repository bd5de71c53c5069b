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
	if err := l.takeQuota(ctx, "init", initsPerMinute); err != nil {
		return err
	}
	next := l.a
	next.State, next.InitSentAt = shippost.AttemptInitSent, l.now()
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
	if err := l.advance(ctx, next); err != nil {
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
	err := r.writer.update(ctx, func(ctx context.Context, tx *store.Tx) error {
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
)

// takeQuota takes one request from an account's budget, which all nodes share. It fails with kind Wait when there is none.
func (r *runner) takeQuota(ctx context.Context, what string, limit int) error {
	return r.take(ctx, r.s.Account, what, limit)
}

func (p *Publisher) take(ctx context.Context, account shippost.Account, what string, limit int) error {
	scope := string(account.Platform) + "|" + what + "|" + string(account.ID)
	ok, after, err := p.quota.Take(ctx, scope, limit, time.Minute)
	if err != nil || ok {
		return err
	}
	wait := shippost.Errorf(shippost.Wait, "own_budget", "This account has used its requests of this minute.")
	wait.RetryAfter = after
	return wait
}
