package compose_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestCreate_Queued(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	w, err := d.Create(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.Caption = "odd tide" }), compose.Once{})
	if err != nil {
		t.Fatal(err)
	}
	p := w.Post
	if len(w.Problems) != 1 || w.Problems[0].Code != "odd" {
		t.Errorf("problems %v, want the one warning", w.Problems)
	}
	want := shippost.Post{ID: p.ID, Workspace: d.actor.Workspace, Account: d.account.ID, Status: shippost.PostQueued, Media: []shippost.MediaID{d.video},
		Caption: "odd tide", Options: shippost.Options{TikTok: answers()}, Version: 1, LateWindow: 6 * time.Hour, // the workspace's own
		Due:       shippost.Due{Local: "2026-05-01T13:00:00", Zone: "UTC", At: noon.Add(time.Hour), Rules: shippost.ZoneRules()},
		CreatedBy: d.actor.User, CreatedAt: noon, UpdatedAt: noon}
	for name, got := range map[string]shippost.Post{"answer": p, "stored": d.get(p.ID)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	storetest.View(t, d.db, func(tx *store.Tx) error {
		consents, err := tx.Consents(t.Context(), p.ID)
		wantConsent := []shippost.Consent{{ID: consents[0].ID, Post: p.ID, PostVersion: 1, User: d.actor.User, Account: d.account.ID, Nickname: "Ada of the Sea",
			Wording: "tiktok-music-2026-11", Media: []string{"ab12"}, Caption: "odd tide", Options: shippost.Options{TikTok: answers()}, At: noon}}
		if diff := cmp.Diff(wantConsent, consents); diff != "" {
			t.Errorf("consent (-want +got):\n%s", diff)
		}
		var wake int64
		if err := tx.SQL().QueryRowContext(t.Context(), "SELECT wake_at FROM posts WHERE id = $1", string(p.ID)).Scan(&wake); err != nil {
			t.Errorf("the publisher is not told when to wake: %v", err)
		}
		if at := time.UnixMicro(wake); !at.After(noon) || !at.Before(p.Due.At) {
			t.Errorf("the publisher wakes at %s, want before %s", at, p.Due.At)
		}
		entries, _ := tx.Journal(t.Context(), store.JournalQuery{Post: p.ID})
		for _, e := range entries {
			if strings.Contains(fmt.Sprint(e.Data, e.Personal), "tide") {
				t.Errorf("the caption stands in the journal: %v", e)
			}
			if e.Actor.User != d.actor.User || e.Workspace != d.actor.Workspace || e.Account != d.account.ID {
				t.Errorf("entry %+v does not say who, where and for what", e)
			}
		}
		return err
	})
	if diff := cmp.Diff(trace{Posts: 1, Consents: 1, Journal: []shippost.EntryKind{shippost.EntryPostCreated, shippost.EntryPostScheduled}}, d.trace()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCreate_BrandedContentHasItsOwnWords(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	yes := true
	p := d.queued(func(g *compose.Draft) { g.Options.TikTok.BrandedContent = &yes })
	storetest.View(t, d.db, func(tx *store.Tx) error {
		c, err := tx.Consents(t.Context(), p.ID)
		if len(c) != 1 || c[0].Wording != "tiktok-branded-2026-11" {
			t.Errorf("consent %+v, want the branded wording", c)
		}
		return err
	})
}

func TestCreate_Draft(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	w, err := d.Create(t.Context(), d.actor, compose.Draft{Account: d.account.ID, Media: []shippost.MediaID{d.file(d.actor, shippost.MediaReceiving)},
		Caption: strings.Repeat("x", 2201), Options: shippost.Options{TikTok: &shippost.TikTokOptions{Consent: true}}}, compose.Once{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Post.Status != shippost.PostDraft || !w.Post.Due.IsZero() || w.Post.Options.TikTok.Consent {
		t.Errorf("got %+v, want a draft without time and consent", w.Post)
	}
	var codes []string
	for _, p := range w.Problems {
		codes = append(codes, p.Code)
	}
	for _, want := range []string{"media_not_ready", "caption_too_long", "privacy_required"} {
		if !strings.Contains(strings.Join(codes, " "), want) {
			t.Errorf("problems %v do not say %s", codes, want)
		}
	}
	if strings.Contains(strings.Join(codes, " "), "media_required") {
		t.Errorf("problems %v call for media that is on its way", codes)
	}
	if diff := cmp.Diff(trace{Posts: 1, Journal: []shippost.EntryKind{shippost.EntryPostCreated}}, d.trace()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := d.get(w.Post.ID); cmp.Diff(w.Post, got) != "" {
		t.Errorf("stored %+v", got)
	}
}

func TestCreate_Refused(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	other := storetest.Workspace(t, d.db)
	foreignAccount, foreignFile := storetest.Account(t, d.db, other), d.file(other, shippost.MediaReady)
	status := func(s shippost.AccountStatus) shippost.AccountID {
		a := storetest.Account(t, d.db, d.actor)
		a.Status = s
		storetest.Update(t, d.db, func(tx *store.Tx) error { _, err := tx.SetAccountStatus(t.Context(), a, a.Epoch); return err })
		return a.ID
	}
	reconnect, gone := status(shippost.AccountReconnect), status(shippost.AccountDisconnected)
	bad := shippost.Problem{Code: "too_short", Message: "Too short.", Severity: shippost.Block}
	files := map[string]shippost.MediaID{"receiving": d.file(d.actor, shippost.MediaReceiving), "checking": d.file(d.actor, shippost.MediaChecking),
		"rejected": d.file(d.actor, shippost.MediaRejected), "flawed": d.file(d.actor, shippost.MediaReady, bad), "deleted": d.file(d.actor, shippost.MediaDeleted)}
	long := 45 * time.Minute
	local := func(text, zone string) func(*compose.Draft) {
		return func(g *compose.Draft) { g.When = compose.When{Local: text, Zone: zone} }
	}
	at := func(offset time.Duration) func(*compose.Draft) {
		return func(g *compose.Draft) { g.When = compose.When{At: noon.Add(offset)} }
	}
	media := func(ids ...shippost.MediaID) func(*compose.Draft) { return func(g *compose.Draft) { g.Media = ids } }

	before := d.trace()
	for _, c := range []struct {
		name, code, field string
		change            func(*compose.Draft)
	}{
		{"caption one UTF-16 unit too long", "caption_too_long", "caption", func(g *compose.Draft) { g.Caption = strings.Repeat("x", 2199) + "🌊" }},
		{"a minute in the past", "time_in_past", "due_at", at(-time.Minute)},
		{"over a year ahead", "too_far_ahead", "due_at", at(compose.Horizon + time.Second)},
		{"skipped hour", "nonexistent_local_time", "due.local", local("2027-03-28T02:30:00", "Europe/Zurich")},
		{"doubled hour without a choice", "ambiguous_local_time", "due.fold", local("2026-10-25T02:30:00", "Europe/Zurich")},
		{"local time in the past", "time_in_past", "due.local", local("2026-05-01T13:58:00", "Europe/Zurich")},
		{"no such zone", "unknown_time_zone", "due.zone", local("2026-10-25T02:30:00", "Europe/Bern")},
		{"no zone", "zone_required", "due.zone", local("2026-10-25T02:30:00", "")},
		{"two times", "two_times", "due", func(g *compose.Draft) { g.When.Local, g.When.Zone = "2026-10-25T02:30:00", "UTC" }},
		{"odd late window", "invalid_late_window", "late_window", func(g *compose.Draft) { g.LateWindow = &long }},
		{"privacy the creator does not offer", "privacy_not_offered", "options.tiktok.privacy_level", func(g *compose.Draft) { g.Options.TikTok.PrivacyLevel = shippost.PrivacyFriends }},
		{"no answers at all", "privacy_required", "options.tiktok.privacy_level", func(g *compose.Draft) { g.Options.TikTok = nil }},
		{"one legal answer missing", "answer_required", "options.tiktok.your_brand", func(g *compose.Draft) { g.Options.TikTok.YourBrand = nil }},
		{"no consent", "consent_required", "options.tiktok.consent", func(g *compose.Draft) { g.Options.TikTok.Consent = false }},
		{"no account", "account_required", "account_id", func(g *compose.Draft) { g.Account = "" }},
		{"unknown account", "account_not_found", "account_id", func(g *compose.Draft) { g.Account = "acc_x" }},
		{"foreign account", "account_not_found", "account_id", func(g *compose.Draft) { g.Account = foreignAccount.ID }},
		{"account to be connected anew", "needs_reconnect", "account_id", func(g *compose.Draft) { g.Account = reconnect }},
		{"disconnected account", "disconnected", "account_id", func(g *compose.Draft) { g.Account = gone }},
		{"no media", "media_required", "media_ids", media()},
		{"unknown file", "media_not_found", "media_ids[0]", media("med_x")},
		{"foreign file", "media_not_found", "media_ids[0]", media(foreignFile)},
		{"second file on its way", "media_not_ready", "media_ids[1]", media(d.video, files["receiving"])},
		{"file being checked", "media_not_ready", "media_ids[0]", media(files["checking"])},
		{"rejected file", "media_rejected", "media_ids[0]", media(files["rejected"])},
		{"file with a problem", "too_short", "media_ids[0]", media(files["flawed"])},
		{"deleted file", "media_deleted", "media_ids[0]", media(files["deleted"])},
		{"text no database takes", "invalid_text", "caption", func(g *compose.Draft) { g.Caption = "a\x00b" }},
	} {
		draft := d.good(c.change)
		_, err := d.Create(t.Context(), d.actor, draft, compose.Once{Key: c.name, Hash: "h", Answer: func(compose.Written) ([]byte, error) { return nil, nil }})
		e := shippost.AsError(err)
		if e == nil || e.Kind != shippost.Invalid || e.Code != c.code || e.Field != c.field || e.Message == "" {
			t.Errorf("%s: got %+v, want %s about %q", c.name, e, c.code, c.field)
		}
		if diff := cmp.Diff(before, d.trace()); diff != "" {
			t.Errorf("%s: something was saved (-want +got):\n%s", c.name, diff)
		}
		verdict, err := d.Validate(t.Context(), d.actor, draft)
		found := false
		for _, p := range verdict.Problems {
			found = found || p.Code == c.code && p.Field == c.field && p.Severity == shippost.Block
		}
		if err != nil || !found {
			t.Errorf("%s: Validate gives %v, %v; want %s", c.name, verdict.Problems, err, c.code)
		}
	}
}

func TestCreate_TellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	_, err := d.Create(t.Context(), d.actor, compose.Draft{Caption: "x", When: compose.When{At: noon.Add(-time.Hour)}, Media: []shippost.MediaID{"med_x"}}, compose.Once{})
	var codes []string
	for _, p := range shippost.AsError(err).Problems {
		codes = append(codes, p.Code)
	}
	if diff := cmp.Diff([]string{"time_in_past", "account_required", "media_not_found"}, codes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCreate_Now(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	zurich := compose.When{Local: "2026-05-01T13:59:30", Zone: "Europe/Zurich"}
	for name, when := range map[string]compose.When{"this instant": {At: noon}, "just before": {At: noon.Add(-59 * time.Second)}, "on the wall": zurich} {
		w, err := d.Create(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.When = when }), compose.Once{})
		if err != nil || !w.Post.Due.At.Equal(noon) {
			t.Errorf("%s: due %v, %v; want now", name, w.Post.Due, err)
		}
		if when == zurich && w.Post.Due.Local != "2026-05-01T14:00:00" {
			t.Errorf("%s: wall clock %v", name, w.Post.Due)
		}
	}
}

func TestCreate_Limit(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite, func(o *compose.Options) { o.MaxScheduled = 3 })
	first := d.queued()
	d.queued()
	d.attempt(d.queued(), shippost.AttemptOpen)
	_, err := d.Create(t.Context(), d.actor, d.good(), compose.Once{})
	if !shippost.IsKind(err, shippost.Wait) || !shippost.IsCode(err, "too_many_scheduled") {
		t.Fatalf("a fourth: got %v", err)
	}
	if got := d.trace(); got.Posts != 3 {
		t.Errorf("%d posts are there", got.Posts)
	}
	other := storetest.Account(t, d.db, d.actor)
	if _, err := d.Create(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.Account = other.ID }), compose.Once{}); err != nil {
		t.Errorf("another account: %v", err)
	}
	if _, err := d.Reschedule(t.Context(), d.actor, first.ID, 0, compose.When{At: noon.Add(2 * time.Hour)}); err != nil {
		t.Errorf("moving one of the three: %v", err)
	}
	draft, err := d.Create(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.When = compose.When{} }), compose.Once{})
	if err != nil {
		t.Fatalf("a draft: %v", err)
	}
	_, err = d.Edit(t.Context(), d.actor, draft.Post.ID, compose.Change{When: compose.When{At: noon.Add(time.Hour)}, TikTok: &compose.TikTokChange{Consent: true}})
	if !shippost.IsCode(err, "too_many_scheduled") {
		t.Errorf("queueing a draft: got %v", err)
	}
	if _, err := d.Cancel(t.Context(), d.actor, first.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create(t.Context(), d.actor, d.good(), compose.Once{}); err != nil {
		t.Errorf("after one was cancelled: %v", err)
	}
}

func TestCreate_WhatTheCreatorMay(t *testing.T) {
	t.Parallel()
	fail := func(code string) error { return &platform.Error{Op: "creator", Reach: platform.Answered, Code: code} }
	for _, c := range []struct {
		name string
		err  error
		due  time.Duration
		code string // of the problem
		kind shippost.Kind
		ok   bool
	}{
		{"nobody answers", &platform.Error{Op: "creator", Reach: platform.Maybe}, time.Hour, "creator_unchecked", shippost.Unavailable, true},
		{"asked too often", fail("busy"), time.Hour, "creator_unchecked", shippost.Wait, true},
		{"banned", fail("banned"), 72 * time.Hour, "banned", shippost.Conflict, false},
		{"cap, due today", fail("cap"), time.Hour, "cap", shippost.Wait, false},
		{"cap, due in three days", fail("cap"), 72 * time.Hour, "cap", shippost.Wait, true},
		{"scope taken away", fail("scope"), time.Hour, "scope", shippost.Reconnect, false},
		{"token dead", shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect it again."), time.Hour, "needs_reconnect", shippost.Reconnect, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setUp(t, storetest.SQLite)
			d.studio.err = c.err
			w, err := d.Create(t.Context(), d.actor, d.good(func(g *compose.Draft) { g.When.At = noon.Add(c.due) }), compose.Once{})
			if c.ok != (err == nil) {
				t.Fatalf("got %v", err)
			}
			problems := w.Problems
			if err != nil {
				problems = shippost.AsError(err).Problems
			}
			if len(problems) != 1 || problems[0].Code != c.code || problems[0].Severity == shippost.Block == c.ok {
				t.Errorf("problems %+v, want %s", problems, c.code)
			}
			if _, err := d.Creator(t.Context(), d.actor, d.account.ID); !shippost.IsKind(err, c.kind) || shippost.AsError(err).Message == "" {
				t.Errorf("asked directly: %v, want kind %s and a sentence", err, c.kind)
			}
		})
	}
}

// TikTok wants to be asked each time a page opens. Who reloads faster than it allows gets what it said within the last minute.
func TestCreatorIsAskedEachTime(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	ask := func() (shippost.Creator, error) { return d.Creator(t.Context(), d.actor, d.account.ID) }
	if _, err := ask(); err != nil {
		t.Fatal(err)
	}
	d.studio.creator.Nickname = "Ada L."
	d.clock.Advance(2 * time.Second)
	if c, err := ask(); err != nil || c.Nickname != "Ada L." {
		t.Errorf("a page that opens again shows %q, %v", c.Nickname, err)
	}
	d.studio.err = &platform.Error{Op: "creator", Code: "busy", Reach: platform.Answered}
	d.clock.Advance(2 * time.Second)
	if c, err := ask(); err != nil || c.Nickname != "Ada L." {
		t.Errorf("asked too often: %q, %v", c.Nickname, err)
	}
	d.clock.Advance(time.Minute)
	if _, err := ask(); !shippost.IsKind(err, shippost.Wait) {
		t.Errorf("asked too often, and the last answer is old: %v", err)
	}
}

// Creators rename themselves; the addresses of their posts are made of the handle.
func TestAskingKeepsTheHandle(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	d.studio.creator.Handle, d.studio.creator.Nickname = "ada.sails", "Ada at sea"
	if _, err := d.Creator(t.Context(), d.actor, d.account.ID); err != nil {
		t.Fatal(err)
	}
	storetest.View(t, d.db, func(tx *store.Tx) error {
		a, err := tx.AccountOfAny(t.Context(), d.account.ID)
		if a.Handle != "ada.sails" || a.Name != "Ada at sea" {
			t.Errorf("the account is still %q, %q", a.Handle, a.Name)
		}
		return err
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	p := d.queued()
	stranger := storetest.Workspace(t, d.db)
	viewer := d.actor
	viewer.Role = shippost.Viewer
	later := compose.When{At: noon.Add(2 * time.Hour)}
	caption := "mine now"
	for name, do := range map[string]struct {
		reads bool
		call  func(shippost.Actor) error
	}{
		"get":      {true, func(a shippost.Actor) error { _, err := d.Get(t.Context(), a, p.ID); return err }},
		"attempts": {true, func(a shippost.Actor) error { _, err := d.Attempts(t.Context(), a, p.ID); return err }},
		"edit": {false, func(a shippost.Actor) error {
			_, err := d.Edit(t.Context(), a, p.ID, compose.Change{Caption: &caption})
			return err
		}},
		"reschedule": {false, func(a shippost.Actor) error { _, err := d.Reschedule(t.Context(), a, p.ID, 0, later); return err }},
		"retry": {false, func(a shippost.Actor) error {
			_, err := d.Retry(t.Context(), a, p.ID, compose.Change{When: later})
			return err
		}},
		"cancel":  {false, func(a shippost.Actor) error { _, err := d.Cancel(t.Context(), a, p.ID, 0); return err }},
		"creator": {false, func(a shippost.Actor) error { _, err := d.Creator(t.Context(), a, d.account.ID); return err }},
	} {
		if err := do.call(stranger); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("%s from another workspace: got %v, want NotFound", name, err)
		}
		if err := do.call(shippost.Actor{}); !shippost.IsKind(err, shippost.Unauthenticated) {
			t.Errorf("%s by nobody: got %v, want Unauthenticated", name, err)
		}
		if err := do.call(viewer); do.reads != (err == nil) || err != nil && !shippost.IsKind(err, shippost.Forbidden) {
			t.Errorf("%s by a viewer: got %v", name, err)
		}
	}
	if _, err := d.Create(t.Context(), viewer, d.good(), compose.Once{}); !shippost.IsKind(err, shippost.Forbidden) {
		t.Errorf("create by a viewer: %v", err)
	}
	if _, err := d.Validate(t.Context(), viewer, d.good()); !shippost.IsKind(err, shippost.Forbidden) {
		t.Errorf("validate by a viewer: %v", err)
	}
	if posts, _, err := d.List(t.Context(), stranger, compose.Filter{Limit: 10}); len(posts) != 0 || err != nil {
		t.Errorf("another workspace lists %v, %v", posts, err)
	}
	if diff := cmp.Diff(p, d.get(p.ID)); diff != "" {
		t.Errorf("the post changed:\n%s", diff)
	}
}
