package compose

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

const (
	planAround   = 3 * capPeriod  // how far around a time others are looked at
	planFar      = 31 * capPeriod // and how far where all of that is full
	minutePosts  = 4              // posts of one account that go out on the minute; the others of the same minute wait
	maxLoadDays  = 62
	fullDay      = "day_full"
	fullMinute   = "minute_full"
	fullCreators = "creators_full"
)

// crowded warns of a time at which the platform would take no more: the post is kept all the same, because limits differ
// from creator to creator, and what other apps post counts too. Each warning offers the nearest time with room. Drafts for the
// inbox have a limit of their own, which roomInInbox keeps when they are written: what is found later is a warning, too. So is
// a time after the end of our access.
func (c *Composer) crowded(ctx context.Context, tx *store.Tx, p shippost.Post, platform shippost.PlatformName) ([]shippost.Problem, error) {
	if p.Due.IsZero() || p.Status != shippost.PostQueued {
		return nil, nil
	}
	problems, err := outlives(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	if toInbox(p) {
		full, err := inboxFull(ctx, tx, p)
		if err != nil || full == nil {
			return problems, err
		}
		warning := problem(full)
		warning.Severity = shippost.Warn
		return append(problems, warning), nil
	}
	now := tx.Now()
	others, err := tx.PostTimes(ctx, p.Account, p.Due.At.Add(-planAround), p.Due.At.Add(planAround), p.ID)
	if err != nil {
		return nil, err
	}
	warn := func(code string, free time.Time, sentence string) {
		problems = append(problems, shippost.Problem{Code: code, Field: "due_at", Severity: shippost.Warn, Remedy: shippost.RemedyReschedule,
			Message: sentence, Choices: []shippost.Choice{choiceAt(free, p.Due.Zone)}})
	}
	day, minute := window{c.DailyPosts(platform), capPeriod}, window{minutePosts, time.Minute}
	switch {
	case day.most > 0 && day.full(others, p.Due.At):
		free := day.free(others, p.Due.At, now)
		if free.Sub(p.Due.At).Abs() > planAround-capPeriod {
			// What lies beyond is not known yet, and may be as full.
			if others, err = tx.PostTimes(ctx, p.Account, p.Due.At.Add(-planFar), p.Due.At.Add(planFar), p.ID); err != nil {
				return nil, err
			}
			free = day.free(others, p.Due.At, now)
		}
		warn(fullDay, free, "TikTok usually takes about "+count(day.most, "post")+
			" of an account within 24 hours, and so many are planned around then. The post may have to wait.")
	case minute.full(others, p.Due.At):
		warn(fullMinute, minute.free(others, p.Due.At, now), count(minute.most, "post")+
			" of this account are due within the same minute, which is as many as TikTok is asked for. This one may go out a little later.")
	}
	if most := c.dailyCreators(platform); most > 0 {
		posters, err := tx.PosterTimes(ctx, platform, p.Account, p.Due.At.Add(-planFar), p.Due.At.Add(planFar))
		if err != nil {
			return nil, err
		}
		if creatorsAround(posters, p.Due.At) >= most {
			warn(fullCreators, roomForCreator(posters, p.Due.At, now, most), "Until TikTok has audited this server's app, "+count(most, "creator")+
				" may post within 24 hours, and so many others have posts planned around then. The post may have to wait.")
		}
	}
	return problems, nil
}

// choiceAt is an instant as a choice by the clock of a zone.
func choiceAt(at time.Time, zone string) shippost.Choice {
	choice := shippost.Choice{At: at.UTC()}
	if due, err := shippost.DueAt(at, zone); err == nil {
		choice.Local, choice.Fold = due.Local, due.Fold
	}
	return choice
}

// creatorsAround returns how many of some creators have a post less than a day away from an instant.
func creatorsAround(posters []store.PosterTime, at time.Time) int {
	near := map[shippost.AccountID]bool{}
	for _, p := range posters {
		if p.At.Sub(at).Abs() < capPeriod {
			near[p.Account] = true
		}
	}
	return len(near)
}

// roomForCreator returns the instant nearest to the wanted one, and not before the earliest, around which fewer than most others
// post. There is one at the latest a day after the last of them.
func roomForCreator(posters []store.PosterTime, wanted, earliest time.Time, most int) time.Time {
	var edges []time.Time
	for _, p := range posters {
		for _, edge := range []time.Time{p.At.Add(-capPeriod), p.At.Add(capPeriod)} {
			if !edge.Before(earliest) {
				edges = append(edges, edge)
			}
		}
	}
	slices.SortStableFunc(edges, func(a, b time.Time) int { return cmp.Compare(a.Sub(wanted).Abs(), b.Sub(wanted).Abs()) })
	for _, edge := range edges {
		if creatorsAround(posters, edge) < most {
			return edge
		}
	}
	return wanted
}

// AccountDay is how full a day of an account is.
type AccountDay struct {
	Date  string
	Posts int       // that go out or went out
	Peak  int       // the most of them, with those of the day before, within any 24 hours that end in the day
	Most  int       // how many the platform usually takes within any 24 hours; 0 when it does not say
	Over  bool      // some of them exceed that
	Free  time.Time // the nearest time with room for the first of those; zero otherwise
	first int       // the place of the first of those among all
}

// near reports whether a day is so full that whoever plans it should know: four fifths of the limit are taken.
func (a AccountDay) near() bool { return a.Most > 0 && a.Peak*5 >= a.Most*4 }

// AccountDays returns how full some days of an account are: from is a date, days are those of the zone.
func (c *Composer) AccountDays(ctx context.Context, actor shippost.Actor, id shippost.AccountID, from, zone string, days int) ([]AccountDay, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	table, err := Timetable{From: from, Days: min(days, maxLoadDays), Zone: zone}.days()
	if err != nil {
		return nil, err
	}
	var times []time.Time
	var account shippost.Account
	err = c.db.View(ctx, func(tx *store.Tx) (err error) {
		if account, err = tx.Account(ctx, actor.Workspace, id); err != nil {
			return err
		}
		times, err = tx.PostTimes(ctx, id, table[0].Start.Add(-planAround), table[len(table)-1].End.Add(planAround), "")
		return err
	})
	if err != nil {
		return nil, err
	}
	day := window{c.DailyPosts(account.Platform), capPeriod}
	list := make([]AccountDay, len(table))
	for i, d := range table {
		list[i] = fullness(day, times, d, c.db.Now())
	}
	return list, nil
}

// FullDay is a day on which an account comes near to what its platform takes, or exceeds it.
type FullDay struct {
	AccountDay
	Account shippost.AccountID
	Drafts  bool            // it is drafts that wait in the creator's inbox, which have a limit of their own
	Post    shippost.PostID // the first that is one too many and can still get another time
	Due     shippost.Choice // when there is room for it, in its own zone; zero without such a post
}

// FullDays returns which of some days are nearly full or too full, for all accounts that are connected. Days that are over are
// left out: nothing can be planned there. from is a date, days are those of the zone.
func (c *Composer) FullDays(ctx context.Context, actor shippost.Actor, from, zone string, days int) ([]FullDay, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	table, err := Timetable{From: from, Days: min(days, maxLoadDays), Zone: zone}.days()
	if err != nil {
		return nil, err
	}
	now := c.db.Now()
	table = slices.DeleteFunc(table, func(d Day) bool { return !d.End.After(now) })
	if len(table) == 0 {
		return nil, nil
	}
	var planned, drafts []store.PlannedPost
	var accounts []shippost.Account
	err = c.db.View(ctx, func(tx *store.Tx) (err error) {
		if accounts, err = tx.Accounts(ctx, actor.Workspace); err != nil {
			return err
		}
		first, last := table[0].Start.Add(-planAround), table[len(table)-1].End.Add(planAround)
		if planned, err = tx.PlannedPosts(ctx, actor.Workspace, first, last); err != nil {
			return err
		}
		drafts, err = tx.PlannedDrafts(ctx, actor.Workspace, first, last)
		return err
	})
	if err != nil {
		return nil, err
	}
	posts, inbox := byAccount(planned), byAccount(drafts)
	var list []FullDay
	for _, account := range accounts {
		list = append(list, fullDays(window{c.DailyPosts(account.Platform), capPeriod}, posts[account.ID], table, now)...)
		full := fullDays(window{maxDrafts, capPeriod}, inbox[account.ID], table, now)
		for i := range full {
			full[i].Drafts = true
		}
		list = append(list, full...)
	}
	slices.SortStableFunc(list, func(x, y FullDay) int { return cmp.Compare(x.Date, y.Date) })
	return list, nil
}

func byAccount(planned []store.PlannedPost) map[shippost.AccountID][]store.PlannedPost {
	groups := map[shippost.AccountID][]store.PlannedPost{}
	for _, p := range planned {
		groups[p.Account] = append(groups[p.Account], p)
	}
	return groups
}

// fullDays returns which of some days are nearly full or too full of one account's posts.
func fullDays(limit window, posts []store.PlannedPost, table []Day, now time.Time) (list []FullDay) {
	times := make([]time.Time, len(posts))
	for i, p := range posts {
		times[i] = p.At
	}
	for _, d := range table {
		full := FullDay{AccountDay: fullness(limit, times, d, now)}
		if !full.near() {
			continue
		}
		full.Account = posts[0].Account
		if full.Over && posts[full.first].Waits {
			p := posts[full.first]
			full.Post, full.Due = p.ID, choiceAt(full.Free, p.Zone)
		}
		list = append(list, full)
	}
	return list
}

// fullness counts the posts of a day and finds the first that is one too many.
func fullness(w window, times []time.Time, d Day, now time.Time) AccountDay {
	a := AccountDay{Date: d.Date, Most: w.most}
	begin, _ := slices.BinarySearchFunc(times, d.Start, time.Time.Compare)
	since, _ := slices.BinarySearchFunc(times, d.Start.Add(-w.span), time.Time.Compare)
	for i := begin; i < len(times) && times[i].Before(d.End); i++ {
		for !times[since].After(times[i].Add(-w.span)) {
			since++
		}
		a.Posts++
		a.Peak = max(a.Peak, i-since+1)
		if w.most > 0 && !a.Over && i-since+1 > w.most {
			others := slices.Delete(slices.Clone(times), i, i+1)
			a.Over, a.first, a.Free = true, i, w.free(others, times[i], now)
		}
	}
	return a
}

// count writes a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

// dailyCreators is how many creators may post within 24 hours through this server's app; 0 for no known limit.
func (c *Composer) dailyCreators(name shippost.PlatformName) int {
	if p := c.platforms[name]; p != nil {
		return p.Describe().DailyCreators
	}
	return 0
}
