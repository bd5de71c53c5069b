// Package compose is where people and programs write posts: check, create, schedule, change, cancel and retry them.
package compose

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Limits of what may be scheduled (reliability §16).
const (
	MaxScheduled = 500                  // posts of one account that wait at the same time
	Horizon      = 365 * 24 * time.Hour // how far ahead
	justNow      = time.Minute          // a due time that passed no longer ago means "now"
)

// Publisher is told about posts in the transaction that changes them.
type Publisher interface {
	// Queued plans the publishing of a post that became queued, or whose time or content changed.
	Queued(ctx context.Context, tx *store.Tx, post *shippost.Post) error
	// Withdraw ends the living attempt of a post, if there is one. Past the point of no return it fails with Conflict
	// and code already_handed_over, and the transaction must not commit.
	Withdraw(ctx context.Context, tx *store.Tx, post shippost.Post, why string) error
}

// Options is what a Composer needs; MaxScheduled and Log may be left out.
type Options struct {
	DB           *store.DB
	Platforms    map[shippost.PlatformName]platform.Platform
	Publisher    Publisher
	Creators     Creators
	MaxScheduled int          // 0 means the constant of that name
	Log          *slog.Logger // nil drops everything
}

// Composer writes posts. Its methods may be called from many goroutines at once. Each takes the acting person or
// program, asks for the permission it needs and sees nothing outside the actor's workspace.
type Composer struct {
	db           *store.DB
	platforms    map[shippost.PlatformName]platform.Platform
	publisher    Publisher
	creators     Creators
	maxScheduled int
	log          *slog.Logger
}

// New returns a Composer.
func New(o Options) *Composer {
	if o.MaxScheduled == 0 {
		o.MaxScheduled = MaxScheduled
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Composer{db: o.DB, platforms: o.Platforms, publisher: o.Publisher, creators: o.Creators, maxScheduled: o.MaxScheduled, log: o.Log}
}

// Draft is what somebody wrote.
type Draft struct {
	Account    shippost.AccountID
	Group      shippost.GroupID
	Media      []shippost.MediaID
	Caption    string
	Options    shippost.Options
	When       When           // zero: stays a draft
	LateWindow *time.Duration // nil: the workspace's own
}

// Written is a post as it was saved, and what there is to say about it. A queued post has only warnings; a draft also
// has what would keep it from being queued.
type Written struct {
	Post     shippost.Post
	Problems []shippost.Problem
	Replay   []byte // the stored answer, when the request was a repetition; Post is not set then
}

// Validate returns everything that stands in the way of a draft, and what might surprise, without saving anything.
func (c *Composer) Validate(ctx context.Context, actor shippost.Actor, d Draft) ([]shippost.Problem, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return nil, err
	}
	material, err := c.gather(ctx, actor, d)
	if err != nil {
		return nil, err
	}
	_, problems := d.When.resolve(c.db.Now(), shippost.Due{})
	problems = append(problems, lateWindow(d.LateWindow)...)
	if !d.When.IsZero() && material.scheduled >= c.maxScheduled {
		problems = append(problems, problem(c.tooMany()))
	}
	return append(problems, c.judge(d, material)...), nil
}

// Create saves a new post: queued when it has a time and nothing stands in its way, a draft when it has no time.
// A post with a time and problems is refused as a whole (Invalid, all problems in the error).
func (c *Composer) Create(ctx context.Context, actor shippost.Actor, d Draft, once Once) (Written, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return Written{}, err
	}
	if done, err := c.repeated(ctx, actor, once); err != nil || done != nil {
		return Written{Replay: done}, err
	}
	m, err := c.gather(ctx, actor, d)
	if err != nil {
		return Written{}, err
	}
	var w Written
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		w = Written{}
		reply, replay, err := c.claim(ctx, tx, actor, once)
		if err != nil || replay != nil {
			w.Replay = replay
			return err
		}
		// What was read before may have changed while TikTok was asked.
		if m, err = load(ctx, tx, actor.Workspace, d, m.creatorAnswer); err != nil {
			return err
		}
		if w, err = c.insert(ctx, tx, actor, d, m); err != nil {
			return err
		}
		return once.finish(ctx, tx, reply, w)
	})
	return w, err
}

func (c *Composer) insert(ctx context.Context, tx *store.Tx, actor shippost.Actor, d Draft, m material) (Written, error) {
	now := tx.Now()
	due, wrong := d.When.resolve(now, shippost.Due{})
	wrong = append(wrong, lateWindow(d.LateWindow)...)
	p := shippost.Post{
		ID: shippost.NewPostID(now), Workspace: actor.Workspace, Account: d.Account, Group: d.Group, Status: shippost.PostDraft,
		Media: d.Media, Caption: d.Caption, Options: d.Options, Due: due, LateWindow: m.workspace.LateWindow, Version: 1,
		CreatedBy: actor.User, CreatedAt: now, UpdatedAt: now,
	}
	if d.LateWindow != nil {
		p.LateWindow = *d.LateWindow
	}
	if !d.When.IsZero() {
		p.Status = shippost.PostQueued
	}
	if o := p.Options.TikTok; o != nil && p.Status == shippost.PostDraft {
		// A draft holds no consent: it is given to what is sent, when that is settled.
		without := *o
		without.Consent = false
		p.Options.TikTok = &without
	}
	w := Written{Post: p, Problems: slices.Concat(wrong, c.judge(d, m))}
	if err := c.admit(p, nil, wrong, w.Problems, m); err != nil {
		return Written{}, err
	}
	if err := tx.InsertPost(ctx, &p); err != nil {
		return Written{}, err
	}
	if err := record(ctx, tx, actor, p, shippost.EntryPostCreated); err != nil {
		return Written{}, err
	}
	if p.Status == shippost.PostDraft {
		return w, nil
	}
	if err := recordConsent(ctx, tx, actor, p, m); err != nil {
		return Written{}, err
	}
	if err := record(ctx, tx, actor, p, shippost.EntryPostScheduled); err != nil {
		return Written{}, err
	}
	return w, c.publisher.Queued(ctx, tx, &p)
}

// admit decides whether p may be saved: a queued post without any blocking problem and within the limit, a draft with
// all but what it cannot be kept with. wrong is what is wrong with the request itself, before is the post as it was.
func (c *Composer) admit(p shippost.Post, before *shippost.Post, wrong, problems []shippost.Problem, m material) error {
	if p.Status == shippost.PostDraft {
		return shippost.Rejected(slices.Concat(wrong, unknown(problems)))
	}
	if err := shippost.Rejected(problems); err != nil {
		return err
	}
	waited := before != nil && (before.Status == shippost.PostQueued || before.Status == shippost.PostPublishing)
	if !waited && m.scheduled >= c.maxScheduled {
		return c.tooMany()
	}
	return nil
}

func (c *Composer) tooMany() *shippost.Error {
	return shippost.Errorf(shippost.Wait, "too_many_scheduled",
		"This account already has %d posts waiting, which is the limit. Wait until some are out, or cancel some.", c.maxScheduled).
		At("account_id").With(shippost.RemedyWait)
}

// record writes what was done to a post into the journal. Captions stay out of it.
func record(ctx context.Context, tx *store.Tx, actor shippost.Actor, p shippost.Post, kind shippost.EntryKind) error {
	data := map[string]any{"status": string(p.Status), "version": p.Version, "media": len(p.Media)}
	if !p.Due.IsZero() {
		data["due_at"], data["due_local"], data["due_zone"] = p.Due.At.Format(time.RFC3339Nano), p.Due.Local, p.Due.Zone
		data["late_window_s"] = int64(p.LateWindow / time.Second)
	}
	return tx.Record(ctx, shippost.Entry{Workspace: p.Workspace, Kind: kind, Actor: actor, Account: p.Account, Post: p.ID, Data: data})
}
