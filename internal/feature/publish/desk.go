package publish

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Desk is where the rest of the product tells the publisher what changed, inside the transaction that changes it.
type Desk struct{ p *Publisher }

// Desk returns the publisher's desk.
func (p *Publisher) Desk() *Desk { return &Desk{p} }

// Queued plans when the publisher looks at a post that became queued, or whose time or content changed: as soon as it
// may be staged. When it should be is found out then.
func (d *Desk) Queued(ctx context.Context, tx *store.Tx, post *shippost.Post) error {
	account, err := tx.Account(ctx, post.Workspace, post.Account)
	if err != nil {
		return err
	}
	now := d.p.now()
	wake := now
	if pf, ok := d.p.platforms[account.Platform]; ok {
		ahead := pf.Describe().EarliestStage
		wake = post.Due.At.Add(-ahead)
		if !now.Before(wake.Add(-ahead)) {
			if err := d.makeRoom(ctx, tx, post, pf, now); err != nil {
				return err
			}
		}
	}
	if err := tx.SetWake(ctx, post.ID, wake); err != nil {
		return err
	}
	if !wake.After(now.Add(d.p.tick)) {
		// What wakes later the dispatcher finds by itself; looking for each would cost a transaction more.
		tx.OnCommit(func() { nudge(d.p.due) })
	}
	return nil
}

// makeRoom has posts of the account begin earlier, or look again at when to, that may have been looked at already and must
// make room for a new one.
func (d *Desk) makeRoom(ctx context.Context, tx *store.Tx, post *shippost.Post, pf platform.Platform, now time.Time) error {
	ahead, due := pf.Describe().EarliestStage, post.Due.At
	if puller, ok := platform.Can[platform.Puller](pf); ok {
		kind, err := tx.PostKind(ctx, post.ID)
		if err != nil {
			return err
		}
		if puller.Pulls(kind) {
			return tx.MoveWakes(ctx, post.Account, due.Add(-time.Minute), due.Add(ahead), now, -ahead)
		}
	}
	return tx.MoveWakes(ctx, post.Account, due.Add(-ahead), due, now, -initTurn)
}

// Withdraw ends the living attempt of a post, if there is one, because the post is cancelled or changed. Past the point
// of no return it fails with Conflict and code already_handed_over, and nothing may change.
func (d *Desk) Withdraw(ctx context.Context, tx *store.Tx, post shippost.Post, why string) error {
	a, ok, err := tx.LivingAttempt(ctx, post.ID)
	if err != nil || !ok {
		return err
	}
	if a.State.Committed() {
		return shippost.Errorf(shippost.Conflict, "already_handed_over",
			"This post has been handed to the platform already; it can no longer be changed or stopped here.")
	}
	kind, err := tx.PostKind(ctx, post.ID)
	if err != nil {
		return err
	}
	proof, _ := proveDead(a, facts{Now: d.p.now(), Kind: kind, Why: why})
	if err := d.p.bury(ctx, tx, &a, proof, nil); err != nil {
		return err
	}
	if err := tx.AskCut(ctx, a.ID, d.p.now().Add(-lease)); err != nil {
		return err
	}
	tx.OnCommit(func() { d.p.interrupt(post.ID); nudge(d.p.cuts) })
	return nil
}

// Stop does what can still be done about a post past the point of no return: where the platform fetches the files itself,
// nothing more is given out, and the platform is told to stop. It reports whether there was anything to do. The post
// may be out all the same; it ends as cancelled or posted by what the platform says (reliability C25, I7).
func (d *Desk) Stop(ctx context.Context, tx *store.Tx, post *shippost.Post) (bool, error) {
	a, ok, err := tx.LivingAttempt(ctx, post.ID)
	if err != nil || !ok || a.State != shippost.AttemptCommitting && a.State != shippost.AttemptHandedOver {
		return false, err
	}
	if !a.StopAskedAt.IsZero() {
		return true, nil
	}
	account, err := tx.Account(ctx, post.Workspace, post.Account)
	if err != nil {
		return false, err
	}
	kind, err := tx.PostKind(ctx, post.ID)
	if err != nil {
		return false, err
	}
	puller, ok := platform.Can[platform.Puller](d.p.platforms[account.Platform])
	if !ok || !puller.Pulls(kind) || d.p.gate == nil {
		return false, nil
	}
	if err := d.p.gate.Close(ctx, tx, a.ID); err != nil {
		return false, err
	}
	if err := tx.AskStop(ctx, a.ID); err != nil {
		return false, err
	}
	post.Phase = shippost.PhaseStopping
	if err := d.p.savePost(ctx, tx, post, post.Status, time.Time{}); err != nil {
		return false, err
	}
	tx.OnCommit(func() { nudge(d.p.asked) })
	return true, nil
}

// Told takes in what a platform told about an attempt by itself: it is asked about at once. Where nobody can ask, because
// the access to its account was lost, and where asking came to nothing, the platform's signed word counts as its answer. Where
// viewers find a post counts at once, whatever its state: no answer may ever say it (TikTok contract 10, trap 7).
func (d *Desk) Told(ctx context.Context, tx *store.Tx, p shippost.PlatformName, e platform.Event) error {
	known, err := tx.AskAbout(ctx, p, e.Subject, e.PublishID)
	if err != nil || !known {
		return err
	}
	tx.OnCommit(func() { nudge(d.p.asked) })
	if e.State == "" {
		return nil
	}
	a, err := tx.AttemptCalled(ctx, p, e.Subject, e.PublishID)
	if err != nil {
		return err
	}
	s, err := d.p.situation(ctx, tx, a.Post)
	if err != nil {
		return err
	}
	v := platform.Verdict{State: e.State, Have: -1, Reason: e.Reason}
	if e.PostID != "" {
		v.PostIDs, v.Permalink = []string{e.PostID}, d.p.link(s, e.PostID)
	}
	switch a.State {
	case shippost.AttemptCommitting, shippost.AttemptHandedOver:
		if !s.blind() {
			return d.p.noteLink(ctx, tx, s, v)
		}
	case shippost.AttemptLive:
		if e.PostID == "" || len(s.Post.PlatformIDs) > 0 && s.Post.Status != shippost.PostInInbox {
			return nil
		}
		return d.p.learnIn(ctx, tx, s, a, v, s.Post.Status == shippost.PostInInbox, len(s.Post.PlatformIDs) == 0)
	case shippost.AttemptUnknown:
	default:
		return nil
	}
	evidence, err := json.Marshal(map[string]any{"message": e.Name, "publish_id": e.PublishID, "at": e.At.UTC(), "reason": e.Reason.Code})
	if err != nil {
		return err
	}
	v.Evidence = string(evidence)
	if e.State == platform.Refused {
		return d.p.refusedIn(ctx, tx, s, a, v)
	}
	return d.p.liveIn(ctx, tx, s, a, v)
}

// link returns where viewers find a post, by the id that its platform told; "" when that cannot be known.
func (p *Publisher) link(s situation, id string) string {
	linker, ok := platform.Can[platform.Linker](p.platforms[s.Account.Platform])
	if !ok {
		return ""
	}
	return linker.Link(s.Account.Handle, s.kind(), id)
}

// noteLink keeps where viewers find a post about whose end the platform is still asked.
func (p *Publisher) noteLink(ctx context.Context, tx *store.Tx, s situation, v platform.Verdict) error {
	if len(v.PostIDs) == 0 || len(s.Post.PlatformIDs) > 0 {
		return nil
	}
	post := s.Post
	post.PlatformIDs, post.Permalink = v.PostIDs, v.Permalink
	return tx.SaveLink(ctx, post)
}

// Seen notes whether viewers can see a post that went out. The post stays posted: it was.
func (d *Desk) Seen(ctx context.Context, tx *store.Tx, p shippost.PlatformName, subject, publishID string, at time.Time, visible bool) error {
	post, changed, err := tx.NoteVisible(ctx, p, subject, publishID, at, visible)
	if err != nil || !changed {
		return err
	}
	kind := shippost.EntryPostWithdrawn
	if visible {
		kind = shippost.EntryPostPublic
	}
	return tx.Record(ctx, d.p.entry(kind, post, nil, map[string]any{"at": at.UTC()}))
}

// Release buries the attempt of an unconfirmed post by the word of a person who has looked (D8). Nothing else proves that
// it is not out: what is sent after this may be a duplicate, which the person was told.
func (d *Desk) Release(ctx context.Context, tx *store.Tx, post shippost.Post, actor shippost.Actor) error {
	a, ok, err := tx.LivingAttempt(ctx, post.ID)
	if err != nil {
		return err
	}
	if !ok || a.State != shippost.AttemptUnknown {
		return shippost.Errorf(shippost.Conflict, "not_unconfirmed", "What became of this post is known; there is nothing to decide.")
	}
	evidence, err := json.Marshal(map[string]any{"state": a.State, "at": d.p.now().UTC(), "why": "a person decided", "user_id": actor.User})
	if err != nil {
		return err
	}
	return d.p.bury(ctx, tx, &a, death{Rule: "D8", Evidence: string(evidence)}, nil)
}

// Notices returns what everybody who uses this server should know, the gravest first.
func (d *Desk) Notices(actor shippost.Actor) ([]shippost.Notice, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	return d.p.notices(), nil
}

// Codes returns everything that the platforms may refuse, with what it means.
func (d *Desk) Codes(actor shippost.Actor) ([]shippost.Code, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	var list []shippost.Code
	for _, name := range slices.Sorted(maps.Keys(d.p.platforms)) {
		if teller, ok := platform.Can[platform.CodeTeller](d.p.platforms[name]); ok {
			list = append(list, teller.Codes()...)
		}
	}
	return list, nil
}

// AccountEnded fails all posts of an account that was disconnected, except those past the point of no return, which
// keep being followed as far as that is possible without a token. Of their photos nothing more is given out.
func (d *Desk) AccountEnded(ctx context.Context, tx *store.Tx, account shippost.Account) error {
	posts, err := tx.UnfinishedPosts(ctx, account.ID)
	if err != nil {
		return err
	}
	for _, post := range posts {
		if err := d.Withdraw(ctx, tx, post, "disconnected"); shippost.IsCode(err, "already_handed_over") {
			if err := d.closeGate(ctx, tx, post); err != nil {
				return err
			}
			continue
		} else if err != nil {
			return anew(err)
		}
		was := post.Status
		post.Status, post.Phase, post.Hold = shippost.PostFailed, shippost.PhaseNone, nil
		post.Failure = &shippost.Failure{Code: "disconnected", Remedy: shippost.RemedyReconnect,
			Message: "The account was disconnected before this post went out. Nothing was sent."}
		if err := d.p.savePost(ctx, tx, &post, was, time.Time{}); err != nil {
			return anew(err)
		}
		if err := tx.Record(ctx, d.p.entry(shippost.EntryPostFailed, post, nil, map[string]any{"code": "disconnected"})); err != nil {
			return err
		}
	}
	return nil
}

// anew has the whole transaction run again when the publisher moved a post on meanwhile.
func anew(err error) error {
	if lost(err) {
		return store.Again(err)
	}
	return err
}

// closeGate closes the gate of a post's attempt for good. Posts without one have no addresses to close.
func (d *Desk) closeGate(ctx context.Context, tx *store.Tx, post shippost.Post) error {
	a, ok, err := tx.LivingAttempt(ctx, post.ID)
	if err != nil || !ok || d.p.gate == nil {
		return err
	}
	return d.p.gate.Close(ctx, tx, a.ID)
}

// AccountReady looks at all waiting posts of an account again, and at those the platform works on, because it was
// connected anew.
func (d *Desk) AccountReady(ctx context.Context, tx *store.Tx, account shippost.Account) error {
	if err := tx.WakeHeldPosts(ctx, account.ID, d.p.now()); err != nil {
		return err
	}
	// There is access again to ask with.
	if err := tx.AskAboutAll(ctx, account.ID, d.p.now()); err != nil {
		return err
	}
	tx.OnCommit(func() { nudge(d.p.due); nudge(d.p.asked) })
	return nil
}
