package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// P10: administrators see counts of days in plots that need neither script nor inline style, and in tables that say the same.
func TestPromise_P10_AdministratorsSeeCountsOfDays(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		o.enrol(o.code())
		if body := o.send("GET", "/admin/usage", nil).Body.String(); !strings.Contains(body, "no day yet") || strings.Contains(body, "<svg") {
			t.Errorf("nothing counted:\n%s", body)
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			for ago, views := range map[int]int64{1: 1200, 2: 300, 40: 7000} {
				day := noon.AddDate(0, 0, -ago).Format(time.DateOnly)
				err := tx.InsertDayCounts(t.Context(), []store.DayCount{
					{Day: day, Facet: store.ByPage, Name: "/posts/{id}", Views: views * 3 / 4}, {Day: day, Facet: store.ByPage, Name: "other", Views: views / 4},
					{Day: day, Facet: store.ByBrowser, Name: "Firefox", Views: views},
				})
				if err != nil {
					return err
				}
			}
			// Four networks today: to be seen nowhere.
			var few []store.PageView
			for n := range 4 {
				few = append(few, store.PageView{At: noon, Network: fmt.Sprintf("198.51.%d.0/24", n), Browser: "Safari", Page: "/terms"})
			}
			return tx.InsertPageViews(t.Context(), few)
		})
		for query, want := range map[string][]string{
			"":          {"1,500 page views", "/posts/{id}", "1,125", "75%", "All others", "25%", "Mon 23 Nov 2026", "<title>23 November 2026: 1,200</title>", `height="60"`, "0 0 30 100"},
			"?days=90":  {"8,500 page views", "0 0 90 100", "7,000"},
			"?days=1e9": {"1,500 page views"},
		} {
			body := o.send("GET", "/admin/usage"+query, nil).Body.String()
			for _, text := range want {
				if !strings.Contains(body, text) {
					t.Errorf("%s lacks %q:\n%s", query, text, body)
				}
			}
			for _, never := range []string{"style=", "<style", "198.51", "Safari", "/terms", "NaN", "ZgotmplZ"} {
				if strings.Contains(body, never) {
					t.Errorf("%s shows %q:\n%s", query, never, body)
				}
			}
		}
	})
}
