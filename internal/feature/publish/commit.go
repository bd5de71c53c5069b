package publish

import (
	"cmp"
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// refusedError says that the guard did not let the attempt commit.
type refusedError struct{ why refusal }

// Error names the reason.
func (e *refusedError) Error() string { return "commit refused: " + string(e.why) }

// commitRow has the committing row written if the guard lets it: the durable record without which no last byte leaves. When
// a post of a backlog must wait for another one of its account, nothing is written and later says until when.
func (r *runner) commitRow(ctx context.Context) (later time.Time, _ error) {
	c := &candidate{r: r, ctx: ctx, late: r.s.late(r.now()), decided: make(chan struct{})}
	if r.commits.add(c) {
		r.workers.Go(func() { r.writeCommits(context.WithoutCancel(ctx)) })
	}
	<-c.decided // soon: whoever is not written yet and asked to stop is left out of the next batch
	switch {
	case c.err != nil || !c.later.IsZero():
		return c.later, c.err
	case c.why != "":
		return later, &refusedError{c.why}
	}
	r.a, r.release = c.next, c.release
	if r.pulled() {
		r.gate.Opened()
	}
	return later, nil
}

// candidate is an attempt that is ready and asks to pass the point of no return.
type candidate struct {
	r       *runner
	ctx     context.Context
	late    bool          // of a backlog
	decided chan struct{} // closed when the rest is set
	verdict
}

// dueFirst orders candidates by their instant, after those that can still keep theirs the ones of a backlog, and those of one
// instant as their rows lie in the database: ids grow with time, and rows that share pages are written several times faster than as
// many all over the file.
func dueFirst(a, b *candidate) int {
	if a.late != b.late {
		if a.late {
			return 1
		}
		return -1
	}
	return cmp.Or(a.r.s.Post.Due.At.Compare(b.r.s.Post.Due.At), cmp.Compare(a.r.a.Post, b.r.a.Post))
}

// verdict is what the guard made of a candidate.
type verdict struct {
	next    shippost.Attempt // with its committing row; only if nothing below speaks against it
	release time.Duration    // when the last bytes may leave, by the monotonic clock
	why     refusal
	later   time.Time // not yet: another post of the account has just gone
	err     error
}

// commitBatch bounds how many rows are written at once, so that the first of them does not wait for long. One by one, ten
// thousand posts due at one instant would not fit into the second before it.
const commitBatch = 1000

// writeCommits decides about candidates until none waits.
func (p *Publisher) writeCommits(ctx context.Context) {
	p.commits.drain(commitBatch, func(batch []*candidate) error { return p.decideTogether(ctx, batch) }, func(c *candidate, err error) {
		if err != nil {
			c.verdict = verdict{err: err}
		}
		close(c.decided)
	})
}

// decideTogether writes the committing rows of those that the guard lets, each judged on its own, in one transaction.
func (p *Publisher) decideTogether(ctx context.Context, batch []*candidate) error {
	// Whatever else is to be written can wait, and this cannot.
	return p.db.UpdateSoon(ctx, func(tx *store.Tx) error {
		ids := make([]shippost.AttemptID, len(batch))
		for i, c := range batch {
			ids[i] = c.r.a.ID
		}
		rows, err := tx.LockForCommit(ctx, ids...)
		if err != nil {
			return err
		}
		now, elapsed := p.now(), p.elapsed() // read last: the locks may have been waited for
		if !p.clock.trusted() {
			for _, c := range batch { // it was set meanwhile; they come again when it is right
				c.verdict = verdict{err: c.ctx.Err(), later: c.r.s.Post.Due.At.Add(-guardAhead)}
			}
			return nil
		}
		var let []store.Commit
		var told []shippost.Entry
		gone := map[shippost.AccountID]bool{}
		for _, c := range batch {
			c.verdict = verdict{err: c.ctx.Err()}
			if c.err != nil {
				continue
			}
			if err := c.judge(ctx, tx, rows[c.r.a.ID], now, elapsed, gone[c.r.a.Account]); err != nil {
				return err
			}
			if c.why != "" || !c.later.IsZero() {
				continue
			}
			gone[c.r.a.Account] = true
			let = append(let, store.Commit{Attempt: c.r.a.ID, Post: c.r.a.Post, NextPollAt: c.next.NextPollAt})
			told = append(told, p.entry(shippost.EntryPostCommitting, c.r.s.Post, &c.r.a, nil))
		}
		if err := tx.SaveCommitting(ctx, now, let); err != nil {
			return err
		}
		return tx.Record(ctx, told...)
	})
}

// judge decides about one candidate, by the rows that were read under lock. another says that one of its account goes now.
func (c *candidate) judge(ctx context.Context, tx *store.Tx, row store.GuardRow, now time.Time, elapsed time.Duration, another bool) (err error) {
	c.why = guard(c.r.a, row, now)
	if c.why == "" && now.After(allowedUntil(c.r.s.Post, c.r.s.Committed)) {
		c.why = tooLate
	}
	if c.why != "" {
		return nil
	}
	if another && c.r.s.late(now) {
		c.later = now.Add(backlogApart)
	} else if c.later, err = c.r.turn(ctx, tx, now); err != nil {
		return err
	}
	due := c.r.s.Post.Due.At
	c.release = elapsed + max(due.Sub(now), 0)
	c.next = c.r.a
	c.next.State, c.next.GuardedAt = shippost.AttemptCommitting, now
	// Even if we never get to say what came of it, somebody will ask.
	c.next.NextPollAt = latest(now, due).Add(askAnyway)
	return nil
}

// askAnyway is when the platform is asked about a commit of which nothing was heard.
const askAnyway = 30 * time.Second

// commitTimeout bounds how long the answer to the last bytes is waited for. Without one the platform is asked.
const commitTimeout = 2 * time.Minute

// commit lets the last bytes go at the due time. Whatever comes of it, the attempt is committed from here on and only
// the platform's word ends it (I4).
func (r *runner) commit(ctx context.Context, staged platform.Staged) {
	// The clock was right when the row was written. If it was put forward since, it has no say.
	pause(ctx, r.release-r.elapsed(), staged.Lost())
	if err := r.hold(ctx, staged, r.s.Post.Due.At); err != nil {
		r.log.Warn("the line was cut just before the last bytes; asking the platform", "post", r.a.Post, "attempt", r.a.ID, "err", err)
		r.remember(ctx, platform.Outcome{})
		return
	}
	pause(ctx, r.release-r.elapsed(), nil)
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	out, err := r.platform.Commit(ctx, staged)
	err = r.heard(r.platform, r.a.Account, err)
	chaos.Point("publish.sent")
	if err != nil {
		r.log.Warn("no clear answer to the last bytes; asking the platform", "post", r.a.Post, "attempt", r.a.ID, "err", err)
	}
	r.remember(ctx, out)
}
