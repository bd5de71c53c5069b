// Package usage counts page views without knowing whose they are: a row says when (to the minute), from which shortened network,
// with which family of browser and at which page's pattern, and lives 14 days at most. What stays are counts of whole days, in
// groups of at least five networks.
package usage

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// How long things last, and how large groups are.
const (
	// rawLife is less than the 14 days that are promised: a sweep comes once an hour, and what it leaves must not grow older.
	rawLife = 14*24*time.Hour - 2*time.Hour
	// dayLife lets a month be compared with the same one a year before.
	dayLife = 2 * 365 * 24 * time.Hour
	// Least is from how many networks the views of a group come at least.
	Least = 5
	// settled is how long after its end a day is counted: other nodes may still have a second of it in memory.
	settled = 5 * time.Minute
	// room is how many page views wait for the next second. A crowd beyond that is not counted: no page ever waits for this.
	room = 4096
	// patience is how long one write may take.
	patience = 5 * time.Second
)

// What counts are named that have no name of their own.
const (
	Other   = "other"   // groups that were too small, together
	Program = "Program" // whoever does not say that it is a browser
)

// Options is what a Book needs. Every may be left out.
type Options struct {
	DB    *store.DB
	On    bool          // off: nothing is written, and rows from before go with the next sweep
	Every time.Duration // between two writes; 0 means a second
	Now   func() time.Time
	Log   *slog.Logger
}

// Book counts page views. All methods may be called from many goroutines at once; a nil Book counts nothing.
type Book struct {
	Options
	waiting chan store.PageView
	dropped atomic.Int64
}

// New returns a Book. Nothing is written before Run.
func New(o Options) *Book {
	o.Every = cmp.Or(o.Every, time.Second)
	return &Book{Options: o, waiting: make(chan store.PageView, room)}
}

// Counts reports whether page views are counted at all.
func (b *Book) Counts() bool { return b != nil && b.On }

// View is one page view.
type View struct {
	Page    string // the route's pattern
	Network string // shortened address
	Browser string // family
}

// Note counts a page view. It never waits, and never fails: what finds no room is left out.
func (b *Book) Note(v View) {
	if !b.Counts() {
		return
	}
	// The minute is enough, and too little to be laid beside the journal's times.
	row := store.PageView{At: b.Now().UTC().Truncate(time.Minute), Network: shortened(v.Network), Browser: cmp.Or(v.Browser, Program), Page: v.Page}
	select {
	case b.waiting <- row:
	default:
		b.dropped.Add(1)
	}
}

// shortened lets pass what names no single address.
func shortened(network string) string {
	p, err := netip.ParsePrefix(network)
	if err != nil || p.Addr().Is4() && p.Bits() > 24 || p.Addr().Is6() && p.Bits() > 48 {
		return ""
	}
	return p.Masked().String()
}

// Run writes what was noted, once a second, until ctx ends. Call Flush when no page is served any more.
func (b *Book) Run(ctx context.Context) {
	if !b.Counts() {
		return
	}
	tick := time.NewTicker(b.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.Flush(ctx)
		}
	}
}

// Flush writes what waits. What cannot be written is left out: counts are not worth holding anything up for.
func (b *Book) Flush(ctx context.Context) {
	var rows []store.PageView
	for {
		select {
		case row := <-b.waiting:
			rows = append(rows, row)
			if len(rows) < room {
				continue
			}
		default:
		}
		break
	}
	if n := b.dropped.Swap(0); n > 0 {
		b.Log.Warn("page views were left out: there were too many in a second", "count", n)
	}
	if len(rows) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // a stop does not lose what was taken out already
	defer cancel()
	err := b.DB.UpdateTogether(ctx, func(tx *store.Tx) error { return tx.InsertPageViews(ctx, rows) })
	if err != nil {
		b.Log.Warn("page views could not be written", "count", len(rows), "error", err)
	}
}

// Sweep counts the days that are over and forgets what outlived its time. Run it about once an hour.
func (b *Book) Sweep(ctx context.Context) error {
	now := b.Now()
	old := now.Add(-rawLife)
	var errs []error
	if b.On {
		errs = append(errs, b.countDays(ctx, now))
	} else {
		old = now.Add(24 * time.Hour)
	}
	errs = append(errs, b.forget(ctx, old), b.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.DeleteDayCounts(ctx, day(now.Add(-dayLife)))
		return err
	}))
	return errors.Join(errs...)
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

func midnight(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// countDays counts each day that is over, once. Rows that are too old are still counted before they go.
func (b *Book) countDays(ctx context.Context, now time.Time) error {
	var first time.Time
	var have []store.DayCount
	err := b.DB.View(ctx, func(tx *store.Tx) (err error) {
		if first, err = tx.FirstPageView(ctx); err == nil && !first.IsZero() {
			have, err = tx.DayCounts(ctx, day(first))
		}
		return err
	})
	if err != nil || first.IsZero() {
		return err
	}
	done := map[string]bool{}
	for _, c := range have {
		done[c.Day] = true
	}
	for at := midnight(first); now.Sub(at) >= 24*time.Hour+settled; at = at.AddDate(0, 0, 1) {
		if done[day(at)] {
			continue
		}
		err := b.DB.Update(ctx, func(tx *store.Tx) error {
			counts, err := countSpan(ctx, tx, at, at.AddDate(0, 0, 1))
			if err != nil {
				return err
			}
			return tx.InsertDayCounts(ctx, counts)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countSpan counts the views of a day, or of a day so far, by page and by browser. None comes back of a day that fewer than five
// networks came in.
func countSpan(ctx context.Context, tx *store.Tx, from, to time.Time) (counts []store.DayCount, err error) {
	for _, by := range []store.Facet{store.ByPage, store.ByBrowser} {
		groups, err := tx.ViewGroups(ctx, by, from, to)
		if err != nil {
			return nil, err
		}
		together, err := tx.SmallViewNetworks(ctx, by, from, to, Least)
		if err != nil {
			return nil, err
		}
		for _, g := range merge(groups, together) {
			counts = append(counts, store.DayCount{Day: day(from), Facet: by, Name: g.Name, Views: g.Views})
		}
	}
	return counts, nil
}

// merge puts the groups that are too small into one, of which it is known from how many networks it comes. When that is too
// small too the smallest of the others goes into it: else what is missing could be reckoned from the sums.
func merge(groups []store.ViewGroup, together int64) []store.ViewGroup {
	var kept []store.ViewGroup
	rest := store.ViewGroup{Name: Other, Networks: together}
	for _, g := range groups {
		if g.Networks < Least {
			rest.Views += g.Views
		} else {
			kept = append(kept, g)
		}
	}
	if rest.Views == 0 {
		return kept
	}
	if rest.Networks < Least {
		if len(kept) == 0 {
			return nil
		}
		smallest := 0
		for i, g := range kept {
			if cmp.Or(cmp.Compare(g.Views, kept[smallest].Views), cmp.Compare(g.Name, kept[smallest].Name)) < 0 {
				smallest = i
			}
		}
		rest.Views += kept[smallest].Views
		kept = append(kept[:smallest], kept[smallest+1:]...)
	}
	return append(kept, rest)
}

// forget deletes rows an hour's worth at a time, so that nobody else waits long for it.
func (b *Book) forget(ctx context.Context, before time.Time) error {
	for {
		more := false
		err := b.DB.Update(ctx, func(tx *store.Tx) error {
			first, err := tx.FirstPageView(ctx)
			if more = err == nil && !first.IsZero() && first.Before(before); !more {
				return err
			}
			end := first.Add(time.Hour)
			if end.After(before) {
				end = before
			}
			_, err = tx.DeletePageViews(ctx, end)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// Count is how many page views a page or a browser had.
type Count struct {
	Name  string
	Views int64
}

// Day is a day's counts.
type Day struct {
	At       time.Time // its midnight, UTC
	Views    int64     // 0: none, or from fewer than five networks
	Pages    []Count   // most first
	Browsers []Count
}

// Report is what administrators see.
type Report struct {
	On       bool
	Days     []Day // the oldest first, without gaps; the last is today so far
	Views    int64
	Pages    []Count
	Browsers []Count
}

// Report returns the counts of the last days, today among them. It names nobody.
func (b *Book) Report(ctx context.Context, actor shippost.Actor, days int) (r Report, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return r, err
	}
	now := b.Now()
	first := midnight(now).AddDate(0, 0, 1-days)
	r.On = b.On
	var counts []store.DayCount
	err = b.DB.View(ctx, func(tx *store.Tx) error {
		if counts, err = tx.DayCounts(ctx, day(first)); err != nil {
			return err
		}
		// Yesterday waits for the next sweep.
		for _, at := range []time.Time{midnight(now).AddDate(0, 0, -1), midnight(now)} {
			if len(counts) > 0 && counts[len(counts)-1].Day >= day(at) || at.Before(first) {
				continue
			}
			more, err := countSpan(ctx, tx, at, at.AddDate(0, 0, 1))
			if err != nil {
				return err
			}
			counts = append(counts, more...)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	pages, browsers := map[string]int64{}, map[string]int64{}
	for at := first; !at.After(now); at = at.AddDate(0, 0, 1) {
		d := Day{At: at}
		for ; len(counts) > 0 && counts[0].Day == day(at); counts = counts[1:] {
			c := Count{counts[0].Name, counts[0].Views}
			if counts[0].Facet == store.ByPage {
				d.Pages, d.Views = append(d.Pages, c), d.Views+c.Views
				pages[c.Name] += c.Views
			} else {
				d.Browsers = append(d.Browsers, c)
				browsers[c.Name] += c.Views
			}
		}
		sortCounts(d.Pages)
		sortCounts(d.Browsers)
		r.Views += d.Views
		r.Days = append(r.Days, d)
	}
	r.Pages, r.Browsers = counted(pages), counted(browsers)
	return r, nil
}

func counted(sums map[string]int64) (list []Count) {
	for name, n := range sums {
		list = append(list, Count{name, n})
	}
	sortCounts(list)
	return list
}

// sortCounts puts the largest first, and what has no name of its own last.
func sortCounts(list []Count) {
	slices.SortFunc(list, func(a, b Count) int {
		switch {
		case a.Name == Other:
			return 1
		case b.Name == Other:
			return -1
		}
		return cmp.Or(cmp.Compare(b.Views, a.Views), cmp.Compare(a.Name, b.Name))
	})
}
