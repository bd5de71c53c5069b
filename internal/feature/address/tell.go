package address

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// line is what a letter says about a post or an account.
type line struct {
	Subject, About, What string
	Do                   string // what helps, in the words of every other place; "" for nothing
	Page                 string
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
		if slices.ContainsFunc(lines, func(l line) bool { return !strings.HasPrefix(l.Page, b.PublicURL+"/posts/") }) {
			facts["Subject"] = "News of your posts and accounts"
		}
	}
	facts["Posts"] = lines[:min(len(lines), namedPosts)]
	return b.Post(ctx, tx, notify.Letter{Once: "posts/" + string(user) + "/" + string(taken[0].Entry), Kind: shippost.LetterPosts, User: user, To: a.Mail, Leave: leave, Facts: facts})
}

// lines says what became of posts. What is over by now is left out: a post that was moved, tried again or deleted meanwhile needs nobody.
func (b *Book) lines(ctx context.Context, tx *store.Tx, a store.Address, taken []store.Tiding) (lines []line, err error) {
	last := map[shippost.PostID]store.Tiding{}
	var order []shippost.PostID
	for _, g := range taken {
		if g.Post == "" {
			continue
		}
		if _, ok := last[g.Post]; !ok {
			order = append(order, g.Post)
		}
		last[g.Post] = g
	}
	for _, g := range taken {
		if g.Post == "" {
			l, still, err := b.accountLine(ctx, tx, a, g)
			if err != nil {
				return nil, err
			}
			if still && !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
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
		if subject, what, remedy, ok := say(g.Kind, post, problems, called(account)); ok {
			lines = append(lines, line{subject, called(account) + ", " + due(post.Due), oneLine(what, 400), do(remedy), b.PublicURL + "/posts/" + string(id)})
		}
	}
	return lines, nil
}

// do is a remedy as a sentence, "" for none.
func do(r shippost.Remedy) string {
	if r == shippost.RemedyNone {
		return ""
	}
	return r.Words() + "."
}

// accountLine says what an account needs, and reports whether it still does and the person still may know.
func (b *Book) accountLine(ctx context.Context, tx *store.Tx, a store.Address, g store.Tiding) (l line, still bool, err error) {
	if _, err := tx.Member(ctx, g.Workspace, a.User); shippost.IsKind(err, shippost.NotFound) {
		return l, false, nil
	} else if err != nil {
		return l, false, err
	}
	entry, err := tx.Entry(ctx, g.Entry)
	if shippost.IsKind(err, shippost.NotFound) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	account, err := tx.Account(ctx, g.Workspace, entry.Account)
	if shippost.IsKind(err, shippost.NotFound) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	l = line{Subject: called(account) + " needs you", About: called(account), Do: do(shippost.RemedyReconnect), Page: b.PublicURL + "/accounts/" + string(account.ID)}
	if g.Kind == shippost.EntryAccountBroken {
		l.What = account.Why() + " Its posts wait until it is connected again, each until its late window is over."
		return l, account.Status == shippost.AccountReconnect, nil
	}
	ends, err := tx.EndingAccess(ctx, g.Workspace, tx.Now().Add(shippost.AccessNotice))
	until, still := ends[account.ID]
	l.What = "The platform ends ShipPost's access to this account on " + until.UTC().Format("Monday 2 January 2006") + ". Once it is connected again before, nothing is interrupted."
	return l, still, err
}

// remedies are what helps with a post that does not say so itself.
var remedies = map[shippost.EntryKind]shippost.Remedy{
	shippost.EntryPostFailed: shippost.RemedyReschedule, shippost.EntryPostMissed: shippost.RemedyReschedule, shippost.EntryPostUnconfirmed: shippost.RemedyDecide,
	shippost.EntryPostInbox: shippost.RemedyOpenTikTok, shippost.EntryPostOverdue: shippost.RemedyOperator, shippost.EntryPostBlind: shippost.RemedyReconnect,
	shippost.EntryPostWithdrawn: shippost.RemedyOpenTikTok,
}

// say puts into words what happened to a post and names what helps, and reports whether it is still so.
func say(kind shippost.EntryKind, post shippost.Post, problems []shippost.Problem, account string) (subject, what string, remedy shippost.Remedy, still bool) {
	if remedy = remedies[kind]; post.Failure != nil && post.Failure.Remedy != shippost.RemedyNone {
		remedy = post.Failure.Remedy
	}
	why := func(otherwise string) string {
		if post.Failure != nil && post.Failure.Message != "" {
			return post.Failure.Message
		}
		return otherwise
	}
	switch kind {
	case shippost.EntryPostPosted:
		return "Posted to " + account, "It is posted: the platform confirmed it.", remedy, post.Status == shippost.PostPosted
	case shippost.EntryPostFailed:
		return "A post to " + account + " failed", why("It was not posted."), remedy, post.Status == shippost.PostFailed
	case shippost.EntryPostMissed:
		return "A post to " + account + " was missed", why("Its time passed before it could be sent. Nothing was posted."), remedy, post.Status == shippost.PostMissed
	case shippost.EntryPostUnconfirmed:
		return "A post to " + account + " needs you", why("It was handed over, and the platform does not say what became of it. Look there, and say on its page whether it is out."), remedy, post.Status == shippost.PostUnconfirmed
	case shippost.EntryPostInbox:
		return "A post to " + account + " needs you", "It waits in the inbox of the TikTok app, to be finished there.", remedy, post.Status == shippost.PostInInbox
	case shippost.EntryPostOverdue:
		return "A post to " + account + " needs you", "It should have gone out by now and has not ended. Whoever runs the server can see it too.", remedy, !post.OverdueAt.IsZero()
	case shippost.EntryPostBlind:
		return "A post to " + account + " needs you", "It was handed over, and the platform cannot be asked what became of it.", remedy, post.Status == shippost.PostPublishing
	case shippost.EntryPostWithdrawn:
		return "A post to " + account + " can no longer be seen", "The platform says that it was taken down, or made private in the app. The app tells the creator why.", remedy, !post.WithdrawnAt.IsZero()
	case shippost.EntryPostAtRisk:
		for _, p := range problems {
			if p.Severity == shippost.Block {
				return "A post to " + account + " will not go out as it is", p.Message, p.Remedy, post.Status == shippost.PostQueued
			}
		}
	}
	return "", "", remedy, false
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
