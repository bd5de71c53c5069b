// Package compose is where people and programs write posts: check, create, schedule, change, cancel and retry them.
package compose

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
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
	// and code already_handed_over, and has changed nothing.
	Withdraw(ctx context.Context, tx *store.Tx, post shippost.Post, why string) error
	// Stop does what can still be done about a post past the point of no return, which may be out all the same. It
	// reports whether there is anything, and then the post is in the phase stopping.
	Stop(ctx context.Context, tx *store.Tx, post *shippost.Post) (bool, error)
	// Release ends the attempt of an unconfirmed post by the word of a person; Conflict when it is not unconfirmed.
	Release(ctx context.Context, tx *store.Tx, post shippost.Post, actor shippost.Actor) error
}

// Reach tells whether a platform can fetch files from this server.
type Reach interface {
	// Problems says in words what is in the way; nil when nothing is known to be.
	Problems(ctx context.Context) []shippost.Problem
}

// Converter makes files anew so that they fit.
type Converter interface {
	// Convert begins to make a file anew by a recipe, or returns the conversion by the same recipe that is under way.
	Convert(ctx context.Context, actor shippost.Actor, file shippost.MediaID, recipe shippost.Recipe) (shippost.Conversion, error)
}

// Options is what a Composer needs; the rest from Reach on may be left out.
type Options struct {
	DB        *store.DB
	Platforms map[shippost.PlatformName]platform.Platform
	Publisher Publisher
	Creators  Creators
	Reach     Reach     // asked about posts whose platform fetches the files; nil: nothing is in the way
	Converter Converter // nil where no file can be made anew
	Files     Files     // for looks ahead; nil: files are not read
	// Health says what on this server would keep posts from going out: its clock, its disk; nil: nothing is known to.
	Health       func(ctx context.Context) []shippost.Problem
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
	reach        Reach
	converter    Converter
	files        Files
	health       func(ctx context.Context) []shippost.Problem
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
	return &Composer{db: o.DB, platforms: o.Platforms, publisher: o.Publisher, creators: o.Creators, reach: o.Reach, converter: o.Converter, files: o.Files, health: o.Health,
		maxScheduled: o.MaxScheduled, log: o.Log}
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
	Labels     []shippost.LabelID
	Post       shippost.PostID // for Validate: the post that this is to replace, which then does not count beside itself
}

// Written is a post as it was saved, and what there is to say about it. A queued post has only warnings; a draft also
// has what would keep it from being queued.
type Written struct {
	Post     shippost.Post
	Problems []shippost.Problem
	Replay   []byte // the stored answer, when the request was a repetition; Post is not set then
}

// Verdict is what a check of a draft found.
type Verdict struct {
	Problems []shippost.Problem
	Files    []Fit // each file that is there, in the draft's order
}

// Validate returns everything that stands in the way of a draft, and what might surprise, without saving anything.
func (c *Composer) Validate(ctx context.Context, actor shippost.Actor, d Draft) (Verdict, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return Verdict{}, err
	}
	material, err := c.gather(ctx, actor, d)
	if err != nil {
		return Verdict{}, err
	}
	due, problems := d.When.resolve(c.db.Now(), shippost.Due{})
	problems = append(problems, lateWindow(d.LateWindow)...)
	if !d.When.IsZero() && material.account != nil {
		p := shippost.Post{ID: d.Post, Workspace: actor.Workspace, Account: material.account.ID, Status: shippost.PostQueued, Due: due, Options: d.Options}
		err := c.db.View(ctx, func(tx *store.Tx) error {
			err := roomInInbox(ctx, tx, p)
			if shippost.IsKind(err, shippost.Wait) {
				problems = append(problems, problem(shippost.AsError(err)))
				return nil
			}
			if err != nil {
				return err
			}
			full, err := c.crowded(ctx, tx, p, material.account.Platform)
			problems = append(problems, full...)
			return err
		})
		if err != nil {
			return Verdict{}, err
		}
	}
	if err := c.db.View(ctx, func(tx *store.Tx) error {
		twins, err := twins(ctx, tx, actor.Workspace, material, d.Caption, due, d.Post)
		problems = append(problems, twins...)
		return err
	}); err != nil {
		return Verdict{}, err
	}
	if !d.When.IsZero() && material.scheduled >= c.maxScheduled {
		problems = append(problems, problem(c.tooMany()))
	}
	return Verdict{append(problems, c.judge(d, material)...), c.fits(material)}, nil
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
	// Most drafts come while what the creator may do is known: they are read, judged and saved in one transaction. Only
	// where somebody has to be asked first, which no transaction waits for, it takes a second one.
	w, err := c.save(ctx, actor, d, once, c.recall)
	if !errors.Is(err, errUnasked) {
		return w, err
	}
	m, err := c.gather(ctx, actor, d)
	if err != nil {
		return Written{}, err
	}
	chaos.Point("compose.asked")
	return c.save(ctx, actor, d, once, func(material) (creatorAnswer, error) { return m.creatorAnswer, nil })
}

// save judges a draft in the transaction that inserts it, with the answer that is given to what it is made of.
func (c *Composer) save(ctx context.Context, actor shippost.Actor, d Draft, once Once, answer func(material) (creatorAnswer, error)) (w Written, err error) {
	err = c.db.Update(ctx, func(tx *store.Tx) error {
		w = Written{}
		reply, replay, err := c.claim(ctx, tx, actor, once)
		if err != nil || replay != nil {
			w.Replay = replay
			return err
		}
		m, err := load(ctx, tx, actor.Workspace, d, creatorAnswer{})
		if err != nil {
			return err
		}
		if m.creatorAnswer, err = answer(m); err != nil {
			return err
		}
		if w, err = c.insert(ctx, tx, actor, d, m); err != nil {
			return err
		}
		return once.finish(ctx, tx, reply, w)
	})
	chaos.Point("compose.created")
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
	if err := roomInInbox(ctx, tx, p); err != nil {
		return Written{}, err
	}
	same, err := twins(ctx, tx, actor.Workspace, m, p.Caption, p.Due, "")
	if err != nil {
		return Written{}, err
	}
	full, err := c.crowded(ctx, tx, p, m.account.Platform)
	if err != nil {
		return Written{}, err
	}
	w.Problems = slices.Concat(w.Problems, same, full)
	if err := tx.InsertPost(ctx, &p); err != nil {
		return Written{}, err
	}
	if len(d.Labels) > 0 {
		if err := label(ctx, tx, p, d.Labels); err != nil {
			return Written{}, err
		}
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
