package slot_test

import (
	"fmt"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/slot"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// noon is a Saturday, the day before clocks go back in Zurich.
var noon = time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)

func queuedAt(t *testing.T, db *store.DB, actor shippost.Actor, account shippost.AccountID, at time.Time, status shippost.PostStatus) shippost.PostID {
	t.Helper()
	due, err := shippost.DueAt(at, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	p := shippost.Post{ID: shippost.NewPostID(db.Now()), Workspace: actor.Workspace, Account: account, Status: status, Due: due, Version: 1,
		CreatedBy: actor.User, CreatedAt: db.Now(), UpdatedAt: db.Now()}
	storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
	return p.ID
}

func TestTimes_FollowTheWallClockAndSkipWhatIsTaken(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		k := slot.New(db)
		for _, s := range []shippost.Slot{
			{Weekday: time.Sunday, Clock: "02:30", Zone: "Europe/Zurich"}, // comes twice tomorrow
			{Weekday: time.Saturday, Clock: "18:00", Zone: "Europe/Zurich"},
			{Weekday: time.Saturday, Clock: "13:00", Zone: "Europe/Zurich"}, // an hour ago
		} {
			s.Account = account.ID
			if _, err := k.Add(ctx, actor, s); err != nil {
				t.Fatal(err)
			}
		}
		taken := queuedAt(t, db, actor, account.ID, time.Date(2026, 10, 24, 16, 0, 20, 0, time.UTC), shippost.PostQueued)
		queuedAt(t, db, actor, account.ID, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), shippost.PostCancelled)
		times, err := k.Times(ctx, actor, slot.Ask{Account: account.ID, Limit: 4})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			fmt.Sprint("2026-10-24T16:00:00Z ", taken),
			"2026-10-25T00:30:00Z ", // the earlier of the two
			"2026-10-31T12:00:00Z ", // winter: an hour later for the world
			"2026-10-31T17:00:00Z ",
		}
		for i, w := range want {
			if got := fmt.Sprint(times[i].Due.At.Format(time.RFC3339), " ", times[i].Post); got != w {
				t.Errorf("time %d is %q, want %q", i, got, w)
			}
		}
		free, err := k.Times(ctx, actor, slot.Ask{Account: account.ID, Free: true, Limit: 1})
		if err != nil || len(free) != 1 || free[0].Due.At.Format(time.RFC3339) != "2026-10-25T00:30:00Z" || free[0].Due.Fold != shippost.FoldEarlier {
			t.Errorf("the next free time is %+v, %v", free, err)
		}
	})
}

func TestSlot_ASkippedTimeGoesForward(t *testing.T) {
	t.Parallel()
	due, err := shippost.Slot{Weekday: time.Sunday, Clock: "02:30", Zone: "Europe/Zurich"}.On("2027-03-28")
	if err != nil || due.Local != "2027-03-28T03:30:00" || due.At.Format(time.RFC3339) != "2027-03-28T01:30:00Z" {
		t.Errorf("got %+v, %v", due, err)
	}
	for zone, clock := range map[string]string{"Pacific/Kiritimati": "00:10", "Pacific/Pago_Pago": "23:50"} { // the ends of the world
		due, err := shippost.Slot{Weekday: time.Sunday, Clock: clock, Zone: zone}.On("2027-03-28")
		if err != nil || due.Local != "2027-03-28T"+clock+":00" {
			t.Errorf("in %s: %+v, %v", zone, due, err)
		}
	}
}

func TestAdd_Refuses(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		ctx := t.Context()
		actor, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		k := slot.New(db)
		good := shippost.Slot{Account: account.ID, Weekday: time.Monday, Clock: "09:00", Zone: "UTC"}
		added, err := k.Add(ctx, actor, good)
		if err != nil {
			t.Fatal(err)
		}
		viewer := actor
		viewer.Role = shippost.Viewer
		for code, try := range map[string]func() error{
			"slot_exists":       func() error { _, err := k.Add(ctx, actor, good); return err },
			"invalid_weekday":   func() error { s := good; s.Weekday = 7; _, err := k.Add(ctx, actor, s); return err },
			"invalid_clock":     func() error { s := good; s.Clock = "24:00"; _, err := k.Add(ctx, actor, s); return err },
			"zone_required":     func() error { s := good; s.Zone = ""; _, err := k.Add(ctx, actor, s); return err },
			"unknown_time_zone": func() error { s := good; s.Zone = "Mars/Base"; _, err := k.Add(ctx, actor, s); return err },
			"account_not_found": func() error { _, err := k.Add(ctx, stranger, good); return err },
			"not_allowed":       func() error { _, err := k.Add(ctx, viewer, good); return err },
			"slot_not_found":    func() error { return k.Remove(ctx, stranger, added.ID) },
			"too_far_ahead": func() error {
				_, err := k.Times(ctx, actor, slot.Ask{From: noon, To: noon.AddDate(1, 0, 0)})
				return err
			},
		} {
			if err := try(); !shippost.IsCode(err, code) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
		if list, err := k.List(ctx, stranger, ""); err != nil || len(list) != 0 {
			t.Errorf("a stranger sees %v, %v", list, err)
		}
		if err := k.Remove(ctx, actor, added.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := k.List(ctx, actor, account.ID); err != nil || len(list) != 0 {
			t.Errorf("after it was removed: %v, %v", list, err)
		}
	})
}
