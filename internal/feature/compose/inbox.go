package compose

import (
	"context"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// maxDrafts is how many drafts TikTok lets wait in a creator's inbox within any 24 hours (TikTok contract 4.13).
const maxDrafts = 5

// Inbox says whether drafts can go to a creator's inbox, and how many lie there.
type Inbox struct {
	Offered bool // the operator allows drafts
	Granted bool // the creator allowed ShipPost to send them
	Waiting int  // sent within the last 24 hours and not finished yet
	Most    int  // how many TikTok lets wait
}

// Inbox returns how an account's inbox stands.
func (c *Composer) Inbox(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (inbox Inbox, err error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return Inbox{}, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		account, err := tx.Account(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		scope := c.draftScope(account)
		inbox = Inbox{Offered: scope != "", Granted: slices.Contains(account.Scopes, scope), Most: maxDrafts}
		now := tx.Now()
		waiting, err := tx.DraftTimes(ctx, id, now.Add(-capPeriod), now, "")
		inbox.Waiting = len(waiting)
		return err
	})
	return inbox, err
}

// draftScope is what a creator has to allow so that drafts can go to their inbox; "" where drafts are not offered.
func (c *Composer) draftScope(account shippost.Account) string {
	if p, ok := c.platforms[account.Platform]; ok {
		return p.Describe().DraftScope
	}
	return ""
}

// judgeInbox finds a draft for an inbox whose creator did not allow it. Where drafts are not offered at all, the platform says so.
func (c *Composer) judgeInbox(d Draft, account shippost.Account) []shippost.Problem {
	scope := c.draftScope(account)
	if d.Options.TikTok == nil || !d.Options.TikTok.ToInbox || scope == "" || slices.Contains(account.Scopes, scope) {
		return nil
	}
	return []shippost.Problem{{Code: "drafts_not_allowed", Field: "options.tiktok.to_inbox", Severity: shippost.Block, Remedy: shippost.RemedyReconnect,
		Message: "This account has not allowed ShipPost to send drafts to its inbox. Connect it again and allow that too."}}
}

// roomInInbox refuses a queued draft for the creator's inbox for which TikTok would have no room, and offers a time at
// which it has. Drafts that the creator has finished no longer count.
func roomInInbox(ctx context.Context, tx *store.Tx, p shippost.Post) error {
	if p.Status != shippost.PostQueued || !toInbox(p) {
		return nil
	}
	full, err := inboxFull(ctx, tx, p)
	if err == nil && full != nil {
		err = full
	}
	return err
}

// toInbox reports whether a post goes to the creator's inbox as a draft.
func toInbox(p shippost.Post) bool { return p.Options.TikTok != nil && p.Options.TikTok.ToInbox }

// inboxFull says that TikTok would have no room for a draft, and offers a time at which it has; nil when it has.
func inboxFull(ctx context.Context, tx *store.Tx, p shippost.Post) (*shippost.Error, error) {
	due := p.Due.At
	planned, err := tx.DraftTimes(ctx, p.Account, due.Add(-planFar), due.Add(planFar), p.ID)
	drafts := window{maxDrafts, capPeriod}
	if err != nil || !drafts.full(planned, due) {
		return nil, err
	}
	free := choiceAt(drafts.free(planned, due, tx.Now()), p.Due.Zone)
	clock, err := time.Parse(shippost.LocalLayout, free.Local)
	if err != nil {
		clock = free.At
	}
	return shippost.Errorf(shippost.Wait, "too_many_drafts", "TikTok lets %d drafts wait in an inbox within 24 hours, and so many are planned for this account around then. There is room at %s (%s).",
		maxDrafts, clock.Format("15:04 on Monday 2 January"), p.Due.Zone).At("due_at").With(shippost.RemedyReschedule).Offering(free), nil
}
