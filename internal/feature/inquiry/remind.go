package inquiry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Sweep reminds the operator of what is due and forgets what was closed a year ago. Run it about once an hour: reminders that
// fell due meanwhile are given as one.
func (d *Desk) Sweep(ctx context.Context) error {
	var open []shippost.Inquiry
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenInquiries(ctx)
		return err
	})
	errs := []error{err}
	now := d.Now()
	for _, i := range open {
		n := i.Reminded
		for !i.ReminderAt(n + 1).After(now) {
			n++
		}
		if n > i.Reminded {
			errs = append(errs, d.remind(ctx, i, n))
		}
	}
	for {
		var n int64
		err := d.DB.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.ForgetInquiries(ctx, now.Add(-keep), batch)
			return err
		})
		if err != nil || n < batch {
			return errors.Join(append(errs, err)...)
		}
	}
}

// remind notes and tells the n-th reminder, once on all nodes together.
func (d *Desk) remind(ctx context.Context, i shippost.Inquiry, n int64) error {
	overdue := i.Overdue(d.Now())
	told := false
	err := d.DB.Update(ctx, func(tx *store.Tx) error {
		changed, err := tx.RemindInquiry(ctx, i.ID, n)
		if told = changed; err != nil || !changed {
			return err
		}
		if err := record(ctx, tx, shippost.EntryInquiryReminded, shippost.Actor{Kind: shippost.ActorSystem}, i, map[string]any{"reminder": n, "overdue": overdue}); err != nil {
			return err
		}
		return d.tellOperator(ctx, tx, i, fmt.Sprintf("due/%d", n), shippost.LetterDue, map[string]any{"Overdue": overdue})
	})
	switch {
	case err != nil || !told:
	case overdue:
		d.Log.Error("a request is overdue; answer it in /admin", "inquiry", i.ID, "kind", string(i.Kind), "due", i.DueAt.Format(time.DateOnly))
	default:
		d.Log.Warn("a request waits for its answer; see /admin", "inquiry", i.ID, "kind", string(i.Kind), "due", i.DueAt.Format(time.DateOnly))
	}
	return err
}
