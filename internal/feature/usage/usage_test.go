package usage_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 30, 0, time.UTC)

var admin = shippost.Actor{Kind: shippost.ActorAdmin, Admin: "adm_x"}

func book(t *testing.T, db *store.DB, clock *storetest.Clock, on bool) *usage.Book {
	t.Helper()
	return usage.New(usage.Options{DB: db, On: on, Now: clock.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
}

// look notes views of a page with a browser from as many networks, and times from each.
func look(b *usage.Book, page, browser string, networks, times int) {
	for n := range networks {
		for range times {
			b.Note(usage.View{Page: page, Browser: browser, Network: fmt.Sprintf("198.51.%d.0/24", n)})
		}
	}
}

func sweep(t *testing.T, b *usage.Book) {
	t.Helper()
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows are the lines of the database about page views.
func rows(t *testing.T, db *store.DB, table string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(storetest.Dump(t, db)) {
		if strings.HasPrefix(line, table+": ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// P10: a row is there for 14 days at most, swept once an hour, and what stays of its day is counts.
func TestPromise_P10_RowsGoWithinFourteenDays(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := book(t, db, clock, true)
		look(b, "/", "Firefox", 6, 2)
		b.Flush(t.Context())
		noted := rows(t, db, "page_views")
		if len(noted) != 12 {
			t.Fatalf("%d rows", len(noted))
		}
		if exact := fmt.Sprint(noon.UnixMicro()); strings.Contains(strings.Join(noted, ""), exact) {
			t.Errorf("a row tells the second: %s", noted[0])
		}
		for hour := range 14*24 - 3 {
			clock.Advance(time.Hour)
			sweep(t, b)
			if hour%24 == 0 && len(rows(t, db, "page_views")) != 12 {
				t.Fatalf("gone after %d hours", hour)
			}
		}
		for range 2 {
			clock.Advance(time.Hour)
			sweep(t, b)
		}
		if clock.Now().Sub(noon) >= 14*24*time.Hour {
			t.Fatal("the test came too late")
		}
		if left := rows(t, db, "page_views"); len(left) != 0 {
			t.Errorf("%d rows are left after nearly 14 days", len(left))
		}
		counts := rows(t, db, "usage_days")
		if len(counts) != 2 || strings.Contains(strings.Join(counts, ""), "198.51") {
			t.Errorf("counts: %q", counts)
		}
		clock.Advance(2 * 366 * 24 * time.Hour)
		sweep(t, b)
		if counts := rows(t, db, "usage_days"); len(counts) != 0 {
			t.Errorf("after two years: %q", counts)
		}
		// Rows that a server finds which was off for a month are counted, and go.
		look(b, "/", "Firefox", 5, 1)
		b.Flush(t.Context())
		clock.Advance(31 * 24 * time.Hour)
		sweep(t, b)
		if left, counts := rows(t, db, "page_views"), rows(t, db, "usage_days"); len(left) != 0 || len(counts) != 2 {
			t.Errorf("after a month without a sweep: %d rows, %q", len(left), counts)
		}
	})
}

// P10: nothing is told apart that fewer than five networks did, neither by itself nor as the difference of two numbers.
func TestPromise_P10_CountsNameNobody(t *testing.T) {
	t.Parallel()
	type seen map[string]string // facet → counts
	for name, c := range map[string]struct {
		note func(*usage.Book)
		want seen
	}{
		"a crowd": {func(b *usage.Book) { look(b, "/", "Firefox", 5, 1); look(b, "/posts", "Chrome", 7, 2) },
			seen{"page": "/posts 14, / 5", "browser": "Chrome 14, Firefox 5"}},
		"four networks, however busy": {func(b *usage.Book) { look(b, "/", "Firefox", 4, 500) }, seen{}},
		"small groups that are a crowd together": {func(b *usage.Book) {
			look(b, "/", "Firefox", 9, 1)
			for n := range 5 {
				b.Note(usage.View{Page: fmt.Sprint("/p", n), Network: fmt.Sprintf("203.0.%d.0/24", n)})
			}
		}, seen{"page": "/ 9, other 5", "browser": "Firefox 9, Program 5"}},
		"a small group is hidden in the smallest of the others": {func(b *usage.Book) {
			look(b, "/", "Firefox", 9, 3)
			look(b, "/posts", "Firefox", 6, 1)
			look(b, "/accounts/{id}", "Safari", 1, 2)
		}, seen{"page": "/ 27, other 8", "browser": "other 35"}},
		"small groups of the same four": {func(b *usage.Book) {
			for n := range 10 {
				look(b, fmt.Sprint("/p", n), "Edge", 4, 3)
			}
			look(b, "/", "Edge", 5, 1)
		}, seen{"page": "other 125", "browser": "Edge 125"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
				b := book(t, db, clock, true)
				c.note(b)
				b.Flush(t.Context())
				check := func(when string, ago int) {
					t.Helper()
					r, err := b.Report(t.Context(), admin, 30)
					if err != nil || len(r.Days) != 30 {
						t.Fatalf("%s: %d days, %v", when, len(r.Days), err)
					}
					got, day := seen{}, r.Days[29-ago]
					for facet, list := range map[string][]usage.Count{"page": day.Pages, "browser": day.Browsers} {
						var texts []string
						for _, c := range list {
							texts = append(texts, fmt.Sprint(c.Name, " ", c.Views))
						}
						if len(texts) > 0 {
							got[facet] = strings.Join(texts, ", ")
						}
					}
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", when, diff)
					}
				}
				check("today so far", 0)
				clock.Advance(24 * time.Hour)
				check("yesterday, before the sweep", 1)
				sweep(t, b)
				sweep(t, b)
				check("yesterday", 1)
			})
		})
	}
}

// P10: switched off nothing is written, and what was there goes.
func TestPromise_P10_SwitchedOffNothingIsWritten(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		before := book(t, db, clock, true)
		look(before, "/", "Firefox", 6, 1)
		before.Flush(t.Context())
		b := book(t, db, clock, false)
		look(b, "/", "Firefox", 6, 1)
		b.Flush(t.Context())
		b.Run(t.Context()) // returns at once
		sweep(t, b)
		clock.Advance(48 * time.Hour)
		sweep(t, b)
		if left := append(rows(t, db, "page_views"), rows(t, db, "usage_days")...); len(left) != 0 {
			t.Errorf("switched off, and there are %q", left)
		}
		var none *usage.Book
		none.Note(usage.View{Page: "/"})
		if r, err := b.Report(t.Context(), admin, 30); err != nil || r.On || r.Views != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := b.Report(t.Context(), shippost.Actor{Kind: shippost.ActorUser, Role: shippost.Owner}, 30); !shippost.IsKind(err, shippost.Forbidden) {
			t.Errorf("a user gets the numbers: %v", err)
		}
	})
}

// P10: whatever it is told as a network, no address that names somebody is written.
func TestPromise_P10_OnlyShortenedAddressesAreWritten(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := book(t, db, clock, true)
		for _, network := range []string{"198.51.100.77", "198.51.100.77/32", "198.51.100.77/25", "2001:db8:aa:bb::77", "2001:db8:aa:bb::/64", "::ffff:198.51.100.77/120", "x", "",
			"198.51.100.77/24", "2001:db8:aa:bb::77/48"} {
			b.Note(usage.View{Page: "/", Browser: "Firefox", Network: network})
		}
		b.Flush(t.Context())
		all := strings.Join(rows(t, db, "page_views"), "")
		if strings.Contains(all, "77") || strings.Contains(all, "bb") || !strings.Contains(all, "198.51.100.0/24") || !strings.Contains(all, "2001:db8:aa::/48") {
			t.Errorf("written: %s", all)
		}
	})
}

// A page view waits for nothing, and a failure to write is nobody's.
func TestNotingNeverWaits(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	db := storetest.SQLite(t, storetest.At(clock.Now))
	b := book(t, db, clock, true)
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() { look(b, "/", "Firefox", 100, 20) })
	}
	crowd.Wait() // nobody writes, and everybody came through
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b.Flush(ctx) // what a stop finds is written
	if n := len(rows(t, db, "page_views")); n != 4096 {
		t.Errorf("%d rows, want as many as there is room for", n)
	}
	b.Note(usage.View{Page: "no database takes \x00"})
	b.Flush(t.Context()) // is logged, and no more
	look(b, "/", "Firefox", 1, 1)
	b.Flush(t.Context())
	if n := len(rows(t, db, "page_views")); n != 4097 {
		t.Errorf("%d rows after a failure", n)
	}
}

// What is noted is in the database soon after, without anybody asking.
func TestRunWrites(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	db := storetest.SQLite(t, storetest.At(clock.Now))
	b := usage.New(usage.Options{DB: db, On: true, Every: time.Millisecond, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	look(b, "/", "Firefox", 3, 1)
	for len(rows(t, db, "page_views")) < 3 && t.Context().Err() == nil {
	}
	stop()
	running.Wait()
}
