package admin_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// Administrators see which mail did not arrive and why, not to whom it goes, and have it tried again.
func TestUnsentMail(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		queue, err := jobs.Open(t.Context(), db, jobs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := openWith(t, db, clock, notify.New(notify.Options{DB: db, Jobs: queue, Now: clock.Now, Log: slog.New(slog.DiscardHandler)}))
		o.enrol(o.code())
		if body := o.send("GET", "/admin/mail", nil).Body.String(); !strings.Contains(body, "Nothing waits, and nothing failed.") {
			t.Errorf("%s", body)
		}
		l := shippost.Letter{ID: shippost.NewLetterID(noon), Once: "answered/inq_1", Kind: shippost.LetterAnswered, Inquiry: "inq_1", CreatedAt: noon}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if _, err := tx.InsertLetter(t.Context(), &l, "canary-sealed"); err != nil {
				return err
			}
			_, err := tx.GiveUpLetter(t.Context(), l.ID, "The mail server does not accept the recipient (answered 550).", noon)
			return err
		})
		if body := o.send("GET", "/admin", nil).Body.String(); !strings.Contains(body, "A mail could not be sent") {
			t.Errorf("the overview keeps silent:\n%s", body)
		}
		retry := "/admin/mail/" + string(l.ID) + "/retry"
		if body := o.send("GET", "/admin/mail", nil).Body.String(); !strings.Contains(body, "answered 550") || !strings.Contains(body, retry) || strings.Contains(body, "canary") {
			t.Errorf("%s", body)
		}
		if w := o.send("POST", retry, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/mail" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if body := o.send("GET", "/admin/mail", nil).Body.String(); !strings.Contains(body, "tried again by itself") || strings.Contains(body, retry) {
			t.Errorf("%s", body)
		}
		if w := o.send("POST", retry, nil); !strings.Contains(w.Body.String(), "letter_settled") {
			t.Errorf("a second time: %d %s", w.Code, w.Body)
		}
		// Each kind has a name, and a link only where there is something to see.
		for i, kind := range shippost.LetterKinds {
			other := shippost.Letter{ID: shippost.NewLetterID(noon), Once: string(kind), Kind: kind, CreatedAt: noon.Add(time.Duration(i) * time.Second)}
			storetest.Update(t, db, func(tx *store.Tx) error { _, err := tx.InsertLetter(t.Context(), &other, "x"); return err })
		}
		body := o.send("GET", "/admin/mail", nil).Body.String()
		if rows := strings.Count(body, "<tr><td>"); rows != len(shippost.LetterKinds)+1 || strings.Count(body, "/admin/inquiries/") != 1 || strings.Contains(body, "<td><br>") {
			t.Errorf("%d rows:\n%s", rows, body)
		}
	})
}
