package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/usage"
)

// periods are how many days the page of usage can show.
var periods = []int{30, 90, 365}

// bar is a rectangle of a plot: one unit wide for each day, a hundred high in all.
type bar struct {
	X, Y, Width, Height float64
	Series              int
	Title               string
}

// share is a line of a table: a page or a browser.
type share struct {
	usage.Count
	Series  int
	Percent string
	Width   float64 // of a hundred
}

// usagePage is what the page shows.
type usagePage struct {
	usage.Report
	Least       int
	Periods     []int
	Period      int
	Top         int64 // of the scale
	Bars        []bar
	Stacks      []bar
	PageRows    []share
	BrowserRows []share
	DayRows     []usage.Day // with page views, the newest first
	First, Last time.Time
}

func (p *Pages) usage(w http.ResponseWriter, r *http.Request, actor shippost.Actor, name string) {
	period, _ := strconv.Atoi(r.URL.Query().Get("days"))
	if !slices.Contains(periods, period) {
		period = periods[0]
	}
	report, err := p.opt.Usage.Report(r.Context(), actor, period)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, "usage", "Usage", name, plot(report, period))
}

// seriesLimit is how many browsers have a colour of their own; there are fewer families.
const seriesLimit = 7

// plot lays out what the page draws.
func plot(report usage.Report, period int) usagePage {
	page := usagePage{Report: report, Least: usage.Least, Periods: periods, Period: period, PageRows: shares(report.Pages), BrowserRows: shares(report.Browsers)}
	series := map[string]int{}
	for _, b := range page.BrowserRows {
		series[b.Name] = b.Series
	}
	for _, d := range report.Days {
		page.Top = max(page.Top, d.Views)
	}
	page.Top = roundUp(page.Top)
	for i, d := range report.Days {
		if i == 0 {
			page.First = d.At
		}
		page.Last = d.At
		if d.Views == 0 {
			continue
		}
		page.DayRows = append(page.DayRows, d)
		at := d.At.Format("2 January 2006") + ": "
		height := 100 * float64(d.Views) / float64(page.Top)
		page.Bars = append(page.Bars, bar{X: float64(i) + .1, Y: 100 - height, Width: .8, Height: height, Title: at + number(d.Views)})
		foot := 100.
		for _, b := range d.Browsers {
			part := 100 * float64(b.Views) / float64(d.Views)
			foot -= part
			page.Stacks = append(page.Stacks, bar{X: float64(i) + .1, Y: max(foot, 0), Width: .8, Height: part, Series: series[b.Name], Title: at + label(b.Name) + " " + percent(b.Views, d.Views)})
		}
	}
	slices.Reverse(page.DayRows)
	return page
}

func shares(list []usage.Count) (rows []share) {
	var sum int64
	for _, c := range list {
		sum += c.Views
	}
	for i, c := range list {
		series := min(i, seriesLimit-1)
		if c.Name == usage.Other {
			series = seriesLimit
		}
		rows = append(rows, share{c, series, percent(c.Views, sum), 100 * float64(c.Views) / float64(sum)})
	}
	return rows
}

func percent(part, whole int64) string {
	return fmt.Sprintf("%.0f%%", 100*float64(part)/float64(whole))
}

// label names a page or a browser for people.
func label(name string) string {
	switch name {
	case usage.Other:
		return "All others"
	case usage.Program:
		return "No browser"
	case "Browser":
		return "Another browser"
	}
	return name
}

// number writes a count with a comma before each three digits.
func number(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// roundUp returns the end of a scale that n fits on: 1, 2 or 5 with noughts.
func roundUp(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, step := range []int64{1, 2, 5} {
			if step*unit >= n {
				return step * unit
			}
		}
	}
}
