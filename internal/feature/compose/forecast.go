package compose

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// The looks ahead.
var forecastAt = []time.Duration{24 * time.Hour, time.Hour, 10 * time.Minute} // before the time of a post

const (
	forecastAgain = 15 * time.Minute // until what is not right is looked at again
	forecastBatch = 200              // posts that are looked at in one go
)

// Files tells whether stored files are the ones that were received.
type Files interface {
	// Verify reads the whole file and fails with code media_changed unless it is.
	Verify(ctx context.Context, m shippost.Media) error
}

// Forecast tries for posts that are due within a day everything that can be known, without any effect: account and token,
// what the creator may do, the files by their hashes, limits, the server's disk and clock, and its address where photos are fetched.
// It keeps the result as a traffic light with its reasons. The journal tells when a post turns red, and when it no longer is.
// Posts of one account share one question to the platform. Run it about once a minute.
func (c *Composer) Forecast(ctx context.Context) error {
	var posts []shippost.Post
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		posts, err = tx.PostsToForecast(ctx, c.db.Now(), c.db.Now().Add(forecastAt[0]), forecastBatch)
		return err
	})
	if err != nil || len(posts) == 0 {
		return err
	}
	look := &lookout{composer: c, answers: map[shippost.AccountID]forecastAnswer{}, files: map[shippost.MediaID]error{}}
	if c.health != nil {
		look.health = c.health(ctx)
	}
	var errs []error
	for _, p := range posts {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, look.at(ctx, p))
	}
	return errors.Join(errs...)
}

// lookout looks ahead for many posts and asks each question once.
type lookout struct {
	composer *Composer
	health   []shippost.Problem
	answers  map[shippost.AccountID]forecastAnswer
	files    map[shippost.MediaID]error
}

type forecastAnswer struct {
	creator shippost.Creator
	err     error
}

// at looks ahead for one post and keeps what it finds.
func (l *lookout) at(ctx context.Context, p shippost.Post) error {
	c := l.composer
	d := Draft{Account: p.Account, Media: p.Media, Caption: p.Caption, Options: p.Options, When: When{At: p.Due.At}}
	var m material
	var before map[shippost.PostID]shippost.Forecast
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		if m, err = load(ctx, tx, p.Workspace, d, creatorAnswer{}); err == nil {
			before, err = tx.Forecasts(ctx, p.Workspace, []shippost.PostID{p.ID})
		}
		return err
	})
	if err != nil {
		return err
	}
	problems := slices.Clone(l.health)
	if m.account != nil && m.account.Status == shippost.AccountActive {
		answer := l.ask(ctx, *m.account)
		if m.creator = answer.creator; answer.err != nil {
			m.doubts = append(m.doubts, c.doubt(*m.account, d.When, answer.err))
		}
		m.doubts = append(m.doubts, c.unreachable(ctx, m)...)
	}
	problems = append(problems, c.judge(d, m)...)
	for i, file := range m.media {
		if file != nil && file.Usable() && c.files != nil {
			problems = append(problems, l.verify(ctx, *file, i)...)
		}
	}
	var full []shippost.Problem
	if m.account != nil {
		err = c.db.View(ctx, func(tx *store.Tx) (err error) {
			full, err = c.crowded(ctx, tx, p, m.account.Platform)
			return err
		})
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() // what was not found out in time says nothing
	}
	return l.keep(ctx, p, append(problems, full...), before[p.ID])
}

func (l *lookout) ask(ctx context.Context, account shippost.Account) forecastAnswer {
	if known, ok := l.answers[account.ID]; ok {
		return known
	}
	var a forecastAnswer
	a.creator, a.err = l.composer.creators.Creator(ctx, account, creatorFresh)
	l.answers[account.ID] = a
	return a
}

func (l *lookout) verify(ctx context.Context, m shippost.Media, position int) []shippost.Problem {
	err, known := l.files[m.ID]
	if !known {
		err = l.composer.files.Verify(ctx, m)
		l.files[m.ID] = err
	}
	if err == nil {
		return nil
	}
	e := shippost.AsError(err)
	if e.Message == "" {
		l.composer.log.Error("a stored file cannot be read", "media", m.ID, "err", err)
		e = shippost.Errorf(shippost.Unavailable, "file_unreadable", "A file of this post cannot be read on the server. Whoever runs it must look at it.").With(shippost.RemedyOperator)
	}
	p := problem(e)
	p.Field = mediaPlace(position)
	return []shippost.Problem{p}
}

// keep writes a forecast, and tells when the light turns red or no longer is.
func (l *lookout) keep(ctx context.Context, p shippost.Post, problems []shippost.Problem, before shippost.Forecast) error {
	now := l.composer.db.Now()
	f := shippost.Forecast{Post: p.ID, Workspace: p.Workspace, Version: p.Version, Problems: telling(problems), CheckedAt: now}
	f.Light = light(f.Problems)
	f.NextAt = nextLook(p.Due.At, now, f.Light)
	return l.composer.db.Update(ctx, func(tx *store.Tx) error {
		ok, err := tx.SaveForecast(ctx, &f)
		if err != nil || !ok {
			return err
		}
		var kind shippost.EntryKind
		switch {
		case f.Light == shippost.Red && before.Light != shippost.Red:
			kind = shippost.EntryPostAtRisk
		case f.Light != shippost.Red && before.Light == shippost.Red:
			kind = shippost.EntryPostSafe
		default:
			return nil
		}
		data := map[string]any{"light": string(f.Light)}
		if len(f.Problems) > 0 {
			data["code"] = f.Problems[0].Code
		}
		return tx.Record(ctx, shippost.Entry{Workspace: p.Workspace, Kind: kind, Actor: shippost.System(p.Workspace), Account: p.Account, Post: p.ID, Data: data})
	})
}

// telling returns what matters for whether a post goes out, the gravest first, each code once. What is only remarked about its
// content was said when it was written.
func telling(problems []shippost.Problem) []shippost.Problem {
	var list []shippost.Problem
	for _, severity := range []shippost.Severity{shippost.Block, shippost.Warn} {
		for _, p := range problems {
			remark := p.Severity == shippost.Warn && (p.Field == "caption" || strings.HasPrefix(p.Field, "options.") && !strings.HasSuffix(p.Code, "_off"))
			if p.Severity == severity && !remark && !slices.ContainsFunc(list, func(q shippost.Problem) bool { return q.Code == p.Code }) {
				list = append(list, p)
			}
		}
	}
	return list
}

func light(problems []shippost.Problem) shippost.Light {
	switch {
	case shippost.Blocking(problems):
		return shippost.Red
	case len(problems) > 0:
		return shippost.Yellow
	default:
		return shippost.Green
	}
}

// nextLook is when a post is looked at again: at the next of the usual moments, and earlier while something is in the way.
func nextLook(due, now time.Time, l shippost.Light) time.Time {
	for _, ahead := range forecastAt {
		if at := due.Add(-ahead); at.After(now) {
			if again := now.Add(forecastAgain); l != shippost.Green && again.Before(at) {
				return again
			}
			return at
		}
	}
	return time.Time{} // what comes now is the publisher's own look
}

// Forecasts returns the latest forecasts of posts that wait, by post.
func (c *Composer) Forecasts(ctx context.Context, actor shippost.Actor, posts []shippost.PostID) (found map[shippost.PostID]shippost.Forecast, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		found, err = tx.Forecasts(ctx, actor.Workspace, posts)
		return err
	})
	return found, err
}

// Agreement is a consent with the name of who gave it, as they are called now; without one once they are gone.
type Agreement struct {
	shippost.Consent
	UserName string
}

// Consents returns what was agreed to for a post, oldest first.
func (c *Composer) Consents(ctx context.Context, actor shippost.Actor, id shippost.PostID) (list []Agreement, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Post(ctx, actor.Workspace, id); err != nil {
			return err
		}
		given, err := tx.Consents(ctx, id)
		names := map[shippost.UserID]string{}
		for _, g := range given {
			if _, known := names[g.User]; !known {
				u, err := tx.User(ctx, g.User)
				if err != nil && !shippost.IsKind(err, shippost.NotFound) {
					return err
				}
				names[g.User] = u.Name
			}
			list = append(list, Agreement{Consent: g, UserName: names[g.User]})
		}
		return err
	})
	return list, err
}

// DeclarationOf returns the text of a version, for whoever looks at a consent; false for a version that was never shown.
func DeclarationOf(version string) (Declaration, bool) {
	for _, d := range []Declaration{plainDeclaration, brandedDeclaration} {
		if d.Version == version {
			return d, true
		}
	}
	return Declaration{}, false
}
