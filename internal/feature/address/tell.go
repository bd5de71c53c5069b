package address

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// lookEvery is how often it is looked whether somebody is to be told.
const lookEvery = 5 * time.Second

// Run tells people what became of their posts until ctx ends. It may run on every node.
func (b *Book) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := b.Tell(ctx); err != nil && ctx.Err() == nil {
			b.Log.Warn("people could not be told by mail of their posts; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tell writes one letter to each person for whom something has waited for a little while, so that what happens together comes
// together. Whoever cannot be told, or got enough for now, holds up nobody else.
func (b *Book) Tell(ctx context.Context) error {
	var failed []error
	for last := shippost.UserID(""); ; {
		var people []shippost.UserID
		err := b.DB.View(ctx, func(tx *store.Tx) (err error) {
			now := b.Now()
			people, err = tx.PeopleToTell(ctx, store.ToTell{Since: now.Add(-gatherTime), After: last, Kind: shippost.LetterPosts, Written: now.Add(-time.Hour), Fewer: mailsPerHour, Limit: atOnce})
			return err
		})
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		for _, user := range people {
			if err := b.DB.Update(ctx, func(tx *store.Tx) error { return b.tell(ctx, tx, user) }); err != nil {
				failed = append(failed, fmt.Errorf("tell %s: %w", user, err))
			}
			last = user
		}
		if len(people) < atOnce || ctx.Err() != nil {
			return errors.Join(failed...)
		}
	}
}

// line is what a letter says about a post.
type line struct {
	Subject, About, What, Page string
}

func (b *Book) tell(ctx context.Context, tx *store.Tx, user shippost.UserID) error {
	sent, err := tx.CountLetters(ctx, user, shippost.LetterPosts, tx.Now().Add(-time.Hour))
	if err != nil || sent >= mailsPerHour {
		return err
	}
	taken, err := tx.TakeTidings(ctx, user, takenAtOnce)
	if err != nil || len(taken) == 0 {
		return err
	}
	a, err := own(ctx, tx, user)
	if err != nil || a.Mail == "" || b.Post == nil {
		return err
	}
	if who, err := tx.User(ctx, user); err != nil || !who.DisabledAt.IsZero() {
		return err
	}
	lines, err := b.lines(ctx, tx, a, taken)
	if err != nil || len(lines) == 0 {
		return err
	}
	leave, err := b.leaveOf(a)
	if err != nil { // trying again would not help; what was to be told is old by the time that somebody mends it
		b.Log.Error("a person cannot be told by mail: the link that ends mail cannot be opened; see shippost doctor", "user", user, "err", err)
		return nil
	}
	facts := map[string]any{"Subject": lines[0].Subject, "Posts": lines, "More": max(len(lines)-namedPosts, 0), "All": b.PublicURL + "/posts?view=attention",
		"Settings": b.PublicURL + "/settings/mail", "Leave": leave}
	if len(lines) > 1 {
		facts["Subject"] = fmt.Sprintf("News of %d posts", len(lines))
	}
	facts["Posts"] = lines[:min(len(lines), namedPosts)]
	return b.Post(ctx, tx, notify.Letter{Once: "posts/" + string(user) + "/" + string(taken[0].Entry), Kind: shippost.LetterPosts, User: user, To: a.Mail, Leave: leave, Facts: facts})
}

// lines says what became of posts. What is over by now is left out: a post that was moved, tried again or deleted meanwhile needs nobody.
func (b *Book) lines(ctx context.Context, tx *store.Tx, a store.Address, taken []store.Tiding) (lines []line, err error) {
	last := map[shippost.PostID]store.Tiding{}
	var order []shippost.PostID
	for _, g := range taken {
		if _, ok := last[g.Post]; !ok {
			order = append(order, g.Post)
		}
		last[g.Post] = g
	}
	for _, id := range order {
		g := last[id]
		if _, err := tx.Member(ctx, g.Workspace, a.User); shippost.IsKind(err, shippost.NotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		post, err := tx.Post(ctx, g.Workspace, id)
		if shippost.IsKind(err, shippost.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		problems := []shippost.Problem(nil)
		if g.Kind == shippost.EntryPostAtRisk {
			found, err := tx.Forecasts(ctx, g.Workspace, []shippost.PostID{id})
			if err != nil {
				return nil, err
			}
			problems = found[id].Problems
		}
		account, err := tx.AccountOfAny(ctx, post.Account)
		if shippost.IsKind(err, shippost.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if subject, what, ok := say(g.Kind, post, problems, called(account)); ok {
			lines = append(lines, line{subject, called(account) + ", " + due(post.Due), oneLine(what, 400), b.PublicURL + "/posts/" + string(id)})
		}
	}
	return lines, nil
}

// say puts into words what happened to a post, and reports whether it is still so.
func say(kind shippost.EntryKind, post shippost.Post, problems []shippost.Problem, account string) (subject, what string, still bool) {
	why := func(otherwise string) string {
		if post.Failure != nil && post.Failure.Message != "" {
			return post.Failure.Message
		}
		return otherwise
	}
	switch kind {
	case shippost.EntryPostPosted:
		return "Posted to " + account, "It is posted: the platform confirmed it.", post.Status == shippost.PostPosted
	case shippost.EntryPostFailed:
		return "A post to " + account + " failed", why("It was not posted."), post.Status == shippost.PostFailed
	case shippost.EntryPostMissed:
		return "A post to " + account + " was missed", why("Its time passed before it could be sent. Nothing was posted."), post.Status == shippost.PostMissed
	case shippost.EntryPostUnconfirmed:
		return "A post to " + account + " needs you", why("It was handed over, and the platform does not say what became of it. Look there, and say on its page whether it is out."), post.Status == shippost.PostUnconfirmed
	case shippost.EntryPostInbox:
		return "A post to " + account + " needs you", "It waits in the inbox of the TikTok app, to be finished there.", post.Status == shippost.PostInInbox
	case shippost.EntryPostOverdue:
		return "A post to " + account + " needs you", "It should have gone out by now and has not ended. Whoever runs the server can see it too.", !post.OverdueAt.IsZero()
	case shippost.EntryPostBlind:
		return "A post to " + account + " needs you", "It was handed over, and the platform cannot be asked what became of it. Connect the account again.", post.Status == shippost.PostPublishing
	case shippost.EntryPostAtRisk:
		for _, p := range problems {
			if p.Severity == shippost.Block {
				return "A post to " + account + " will not go out as it is", p.Message, post.Status == shippost.PostQueued
			}
		}
	}
	return "", "", false
}

// called is how a letter calls an account.
func called(a shippost.Account) string {
	name := a.Name
	if a.Handle != "" {
		name = "@" + a.Handle
	}
	if name = oneLine(name, 40); name == "" {
		return "an account"
	}
	return name
}

// due is when a post was to go out, by the clock that was chosen for it.
func due(d shippost.Due) string {
	local, err := time.Parse(shippost.LocalLayout, d.Local)
	if err != nil {
		return "without a time"
	}
	return local.Format("Monday 2 January 2006, 15:04") + " (" + d.Zone + ")"
}

// oneLine makes one line of what others wrote, without what could break it or turn it around.
func oneLine(text string, limit int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
