package compose_test

import (
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestNotices_AccessEnds: from four weeks before a platform ends our access everybody of the workspace is told, a post that is due
// after that is warned of, and nobody is once the account was connected again.
func TestNotices_AccessEnds(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	ends := noon.Add(40 * 24 * time.Hour)
	grant := store.Grant{Account: d.account.ID, AccessToken: "sealed", RefreshToken: "sealed", AccessIssuedAt: noon, AccessExpiresAt: noon.Add(24 * time.Hour), RefreshExpiresAt: ends, Version: 1}
	storetest.Update(t, d.db, func(tx *store.Tx) error { return tx.InsertGrant(t.Context(), &grant) })
	notices := func(actor shippost.Actor) []shippost.Notice {
		t.Helper()
		list, err := d.Notices(t.Context(), actor)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	warned := func(at time.Time) bool {
		t.Helper()
		v, err := d.Validate(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.When = compose.When{At: at} }))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range v.Problems {
			if p.Code == "access_ends" {
				return p.Severity == shippost.Warn && p.Remedy == shippost.RemedyReconnect && p.Field == "account_id" && strings.Contains(p.Message, "10 June 2026")
			}
		}
		return false
	}
	if list := notices(d.actor); len(list) != 0 || warned(ends.Add(time.Hour)) {
		t.Errorf("forty days before: %+v", list)
	}
	d.clock.Advance(13 * 24 * time.Hour)
	list := notices(d.actor)
	if len(list) != 1 || list[0].Code != "access_ends" || list[0].Remedy != shippost.RemedyReconnect || list[0].Account != d.account.ID || !strings.Contains(list[0].Message, "10 June 2026") {
		t.Errorf("27 days before: %+v", list)
	}
	if at, err := d.Ending(t.Context(), d.actor); err != nil || !at[d.account.ID].Equal(ends) {
		t.Errorf("the account's end is %v, %v", at, err)
	}
	if !warned(ends.Add(time.Hour)) || warned(ends.Add(-time.Hour)) {
		t.Error("a post after the end is not warned of, or one before it is")
	}
	if list := notices(storetest.Workspace(t, d.db)); len(list) != 0 {
		t.Errorf("a stranger is told %+v", list)
	}
	// The look ahead tells it too.
	d.clock.Advance(26 * 24 * time.Hour)
	post := d.queued(func(g *compose.Draft) { g.When = compose.When{At: ends.Add(-time.Hour)} }, func(g *compose.Draft) { g.When = compose.When{At: ends.Add(time.Minute)} })
	d.clock.Advance(6 * time.Hour)
	if err := d.Forecast(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := d.Forecasts(t.Context(), d.actor, []shippost.PostID{post.ID})
	if f := found[post.ID]; err != nil || f.Light != shippost.Yellow || len(f.Problems) != 1 || f.Problems[0].Code != "access_ends" {
		t.Errorf("the forecast is %+v, %v", f, err)
	}
	storetest.Update(t, d.db, func(tx *store.Tx) error {
		grant.RefreshExpiresAt, grant.Version = noon.AddDate(1, 0, 0), 2
		_, err := tx.ReplaceGrant(t.Context(), grant, 1)
		return err
	})
	if list := notices(d.actor); len(list) != 0 || warned(ends.Add(time.Hour)) {
		t.Errorf("connected again: %+v", list)
	}
}

// TestNotices_Withdrawn: everybody of the workspace is told for some days that viewers can no longer see a post, unless they can again.
func TestNotices_Withdrawn(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	first, second := d.queued(), d.queued()
	d.clock.Advance(2 * time.Hour)
	withdraw := func(p shippost.Post, at any) {
		t.Helper()
		storetest.Update(t, d.db, func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), "UPDATE posts SET status = 'posted', withdrawn_at = $1 WHERE id = $2", at, string(p.ID))
			return err
		})
	}
	told := func() []shippost.Notice {
		t.Helper()
		list, err := d.Notices(t.Context(), d.actor)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := told(); len(list) != 0 {
		t.Errorf("at first: %+v", list)
	}
	withdraw(first, d.clock.Now().UnixMicro())
	if list := told(); len(list) != 1 || list[0].Code != "post_withdrawn" || list[0].Post != first.ID || list[0].Remedy != shippost.RemedyOpenTikTok {
		t.Errorf("one: %+v", list)
	}
	withdraw(second, d.clock.Now().UnixMicro())
	if list := told(); len(list) != 1 || list[0].Post != "" || !strings.Contains(list[0].Message, "2 posts") {
		t.Errorf("two: %+v", list)
	}
	withdraw(second, nil)
	if list := told(); len(list) != 1 || list[0].Post != first.ID {
		t.Errorf("one of them is back: %+v", list)
	}
	d.clock.Advance(3 * 24 * time.Hour)
	if list := told(); len(list) != 0 {
		t.Errorf("days later: %+v", list)
	}
}
