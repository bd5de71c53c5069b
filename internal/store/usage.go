package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PageView is one page view. It names nobody.
type PageView struct {
	At      time.Time
	Network string // /24 or /48
	Browser string // family
	Page    string // route pattern
}

var pageViews = newTable("page_views",
	column[PageView]{"at", func(v *PageView) any { return at(&v.At) }},
	column[PageView]{"network", func(v *PageView) any { return &v.Network }},
	column[PageView]{"browser", func(v *PageView) any { return &v.Browser }},
	column[PageView]{"page", func(v *PageView) any { return &v.Page }},
)

// Facet is what page views are counted by.
type Facet string

// The facets.
const (
	ByPage    Facet = "page"
	ByBrowser Facet = "browser"
)

// DayCount is how many views of a day fell into a group.
type DayCount struct {
	Day   string // 2006-01-02
	Facet Facet
	Name  string
	Views int64
}

var usageDays = newTable("usage_days",
	column[DayCount]{"day", func(c *DayCount) any { return &c.Day }},
	column[DayCount]{"facet", func(c *DayCount) any { return &c.Facet }},
	column[DayCount]{"name", func(c *DayCount) any { return &c.Name }},
	column[DayCount]{"views", func(c *DayCount) any { return &c.Views }},
)

// InsertPageViews writes page views.
func (t *Tx) InsertPageViews(ctx context.Context, views []PageView) error {
	for i := range views {
		if err := pageViews.insert(ctx, t, &views[i]); err != nil {
			return err
		}
	}
	return nil
}

// ViewGroup is how many page views share a page or a browser, and from how many networks they came.
type ViewGroup struct {
	Name     string
	Views    int64
	Networks int64
}

// ViewGroups groups the views of a span, its end not included.
func (t *Tx) ViewGroups(ctx context.Context, by Facet, from, to time.Time) (list []ViewGroup, err error) {
	column, err := by.column()
	if err != nil {
		return nil, err
	}
	err = t.each(ctx, 3, "SELECT "+column+", count(*), count(DISTINCT network) FROM page_views WHERE at >= $1 AND at < $2 GROUP BY 1", []any{moment(from), moment(to)},
		func(v []any) error {
			g := ViewGroup{}
			g.Name, _ = v[0].(string)
			g.Views, _ = v[1].(int64)
			g.Networks, _ = v[2].(int64)
			list = append(list, g)
			return nil
		})
	return list, err
}

// SmallViewNetworks returns from how many networks the views of a span came whose own group has fewer than least.
func (t *Tx) SmallViewNetworks(ctx context.Context, by Facet, from, to time.Time, least int) (n int64, err error) {
	column, err := by.column()
	if err != nil {
		return 0, err
	}
	err = t.value(ctx, []any{&n}, "SELECT count(DISTINCT network) FROM page_views WHERE at >= $1 AND at < $2 AND "+column+" IN (SELECT "+column+
		" FROM page_views WHERE at >= $1 AND at < $2 GROUP BY 1 HAVING count(DISTINCT network) < $3)", moment(from), moment(to), least)
	return n, err
}

// column returns the column of a facet; nothing else gets into the text of a query.
func (f Facet) column() (string, error) {
	if f != ByPage && f != ByBrowser {
		return "", fmt.Errorf("page views are not counted by %q", string(f))
	}
	return string(f), nil
}

// FirstPageView returns when the oldest page view that is still there was, the zero time for none.
func (t *Tx) FirstPageView(ctx context.Context) (first time.Time, err error) {
	err = t.value(ctx, []any{at(&first)}, "SELECT at FROM page_views ORDER BY at LIMIT 1")
	if errors.Is(err, sql.ErrNoRows) {
		return first, nil
	}
	return first, err
}

// DeletePageViews forgets the views before an instant, and says how many.
func (t *Tx) DeletePageViews(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM page_views WHERE at < $1", moment(before))
}

// InsertDayCounts writes the counts of a day. Nodes may count the same day at the same time; they count the same.
func (t *Tx) InsertDayCounts(ctx context.Context, list []DayCount) error {
	for i := range list {
		if _, err := t.exec(ctx, usageDays.insertN+" ON CONFLICT DO NOTHING", usageDays.fields(&list[i])...); err != nil {
			return err
		}
	}
	return nil
}

// DayCounts returns the counts from a day on, the largest group of each first.
func (t *Tx) DayCounts(ctx context.Context, from string) ([]DayCount, error) {
	return usageDays.list(ctx, t, "WHERE day >= $1 ORDER BY day, facet, views DESC, name", from)
}

// DeleteDayCounts forgets the counts of the days before one.
func (t *Tx) DeleteDayCounts(ctx context.Context, before string) (int64, error) {
	return t.exec(ctx, "DELETE FROM usage_days WHERE day < $1", before)
}
