package compose_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestCauses_CountsWhatDidNotGoOutByItsReason(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		now := d.db.Now()
		soon, later := now.Add(20*time.Minute).Format(time.RFC3339), now.Add(30*24*time.Hour).Format(time.RFC3339)
		set := func(p shippost.Post, status shippost.PostStatus, column string, why any, minutes int) shippost.PostID {
			t.Helper()
			text, err := json.Marshal(why)
			if err != nil {
				t.Fatal(err)
			}
			if why == nil {
				text = nil
			}
			storetest.Update(t, d.db, func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(t.Context(), "UPDATE posts SET status = $1, "+column+" = $2, updated_at = $3 WHERE id = $4",
					string(status), string(text), now.Add(time.Duration(minutes)*time.Minute).UnixMicro(), string(p.ID))
				return err
			})
			return p.ID
		}
		failed := func(code, message string) *shippost.Failure {
			return &shippost.Failure{Code: code, Message: message, Remedy: shippost.RemedyEdit, LogID: string(shippost.NewPostID(now))}
		}
		one := set(d.queued(dueAt(soon)), shippost.PostFailed, "failure", failed("spam_risk_text", "Older words."), 1)
		two := set(d.queued(dueAt(soon)), shippost.PostMissed, "failure", failed("spam_risk_text", `Newer "words".`), 3)
		set(d.queued(dueAt(soon)), shippost.PostFailed, "failure", failed("spam_risk", "Another reason."), 2)
		set(d.queued(dueAt(soon)), shippost.PostUnconfirmed, "failure", nil, 0)
		waits := set(d.queued(dueAt(soon)), shippost.PostQueued, "hold", &shippost.Hold{Code: "spam_risk_text", Message: "It waits.", Remedy: shippost.RemedyWait, Since: now}, 9)
		set(d.queued(dueAt(soon)), shippost.PostPosted, "failure", failed("spam_risk_text", "It went out later."), 10)
		d.queued(dueAt(later))

		causes, more, err := d.Causes(t.Context(), d.actor, nil, nil)
		if err != nil || more {
			t.Fatalf("more %v: %v", more, err)
		}
		account := []shippost.AccountID{d.account.ID}
		minute := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute).Truncate(time.Microsecond) }
		want := []compose.Cause{
			{Code: "spam_risk_text", Message: `Newer "words".`, Remedy: shippost.RemedyEdit, Posts: 2, Latest: minute(3), Accounts: account},
			{Code: "spam_risk", Message: "Another reason.", Remedy: shippost.RemedyEdit, Posts: 1, Latest: minute(2), Accounts: account},
			{Code: "unconfirmed", Posts: 1, Latest: minute(0), Accounts: account},
			{Code: "spam_risk_text", Held: true, Message: "It waits.", Remedy: shippost.RemedyWait, Posts: 1, Latest: minute(9), Accounts: account},
		}
		if diff := cmp.Diff(want, causes); diff != "" {
			t.Errorf("causes (-want +got):\n%s", diff)
		}
		if none, _, err := d.Causes(t.Context(), d.actor, []shippost.AccountID{"acc_other"}, nil); err != nil || len(none) != 0 {
			t.Errorf("of another account: %+v, %v", none, err)
		}
		ended := []shippost.PostStatus{shippost.PostFailed, shippost.PostMissed, shippost.PostUnconfirmed}
		for _, c := range []struct {
			cause  string
			states []shippost.PostStatus
			want   []shippost.PostID
		}{
			{"spam_risk_text", ended, []shippost.PostID{two, one}},
			{"spam_risk_text", []shippost.PostStatus{shippost.PostQueued}, []shippost.PostID{waits}},
			{"spam", ended, nil},
		} {
			posts, _, err := d.List(t.Context(), d.actor, compose.Filter{Cause: c.cause, Statuses: c.states, Limit: 10})
			var got []shippost.PostID
			for _, p := range posts {
				got = append(got, p.ID)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("posts of %s (-want +got): %v\n%s", c.cause, err, diff)
			}
		}
	})
}
