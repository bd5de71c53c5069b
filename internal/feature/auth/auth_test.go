package auth_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const day = 24 * time.Hour

// house is a keeper with one owner who is signed in.
type house struct {
	*auth.Keeper
	t     *testing.T
	db    *store.DB
	clock *storetest.Clock
	owner shippost.Actor
}

func newHouse(t *testing.T) *house {
	t.Helper()
	clock := storetest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	db := storetest.SQLite(t, storetest.At(clock.Now))
	h := &house{t: t, db: db, clock: clock}
	h.Keeper = auth.New(auth.Options{DB: db, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	h.owner = storetest.Workspace(t, db)
	return h
}

// signIn opens a session for the owner and returns its cookie.
func (h *house) signIn(former shippost.Actor) auth.Ticket {
	h.t.Helper()
	return h.enter(auth.Entrance{User: h.owner.User, Workspace: h.owner.Workspace, Network: "203.0.113.0/24", Browser: "Firefox", Former: former})
}

func (h *house) signInAs(who shippost.Actor) auth.Ticket {
	h.t.Helper()
	return h.enter(auth.Entrance{User: who.User, Workspace: who.Workspace})
}

func (h *house) enter(e auth.Entrance) auth.Ticket {
	h.t.Helper()
	var ticket auth.Ticket
	storetest.Update(h.t, h.db, func(tx *store.Tx) (err error) {
		ticket, err = h.Open(h.t.Context(), tx, e)
		return err
	})
	return ticket
}

func (h *house) as(ticket auth.Ticket) (shippost.Actor, error) {
	return h.Authenticate(h.t.Context(), auth.Credentials{Cookie: ticket.Cookie, Network: "203.0.113.0/24", Request: "req_1"})
}

func (h *house) asKey(key shippost.Secret) (shippost.Actor, error) {
	return h.Authenticate(h.t.Context(), auth.Credentials{Bearer: key, Network: "203.0.113.0/24"})
}

func (h *house) key(expires time.Time) (shippost.APIKey, shippost.Secret) {
	h.t.Helper()
	key, secret, err := h.CreateKey(h.t.Context(), h.owner, "build", expires)
	if err != nil {
		h.t.Fatal(err)
	}
	return key, secret
}

func TestSessionNamesItsPerson(t *testing.T) {
	h := newHouse(t)
	ticket := h.signIn(shippost.Actor{})
	got, err := h.as(ticket)
	want := shippost.Actor{Kind: shippost.ActorUser, User: h.owner.User, Workspace: h.owner.Workspace, Role: shippost.Owner,
		Session: ticket.Session, Fresh: true, Request: "req_1", Network: "203.0.113.0/24"}
	if err != nil || got != want {
		t.Fatalf("actor %+v, %v; want %+v", got, err, want)
	}
	if len(ticket.Cookie.Reveal()) != 43 {
		t.Errorf("the cookie holds %d characters, want the 43 of 256 bits", len(ticket.Cookie.Reveal()))
	}
	storetest.View(t, h.db, func(tx *store.Tx) error {
		list, err := tx.Sessions(t.Context(), h.owner.User)
		if err != nil || len(list) != 1 || strings.Contains(list[0].Hash, ticket.Cookie.Reveal()) || list[0].Hash != auth.Hash(ticket.Cookie) {
			t.Errorf("stored: %+v, %v; want only the hash of the cookie", list, err)
		}
		return nil
	})
}

func TestNobody(t *testing.T) {
	h := newHouse(t)
	if actor, err := h.Authenticate(t.Context(), auth.Credentials{}); actor != (shippost.Actor{}) || !shippost.IsCode(err, "sign_in_required") {
		t.Errorf("without credentials: %+v, %v", actor, err)
	}
}

// S3: whatever ends a session or a key ends it at the next request, and the answer never tells which it was.
func TestEndedCredentialsAreRefusedAtTheNextRequest(t *testing.T) {
	ctx := t.Context()
	disable := func(h *house, _ shippost.APIKey) error {
		return h.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.DisableUser(ctx, h.owner.User, h.clock.Now())
			return err
		})
	}
	remove := func(h *house, _ shippost.APIKey) error {
		return h.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.DeleteMember(ctx, h.owner.Workspace, h.owner.User)
			return err
		})
	}
	wait := func(d time.Duration) func(*house, shippost.APIKey) error {
		return func(h *house, _ shippost.APIKey) error { h.clock.Advance(d); return nil }
	}
	for _, c := range []struct {
		name        string
		end         func(*house, shippost.APIKey) error
		cookie, key bool // what still works
	}{
		{"nothing", func(*house, shippost.APIKey) error { return nil }, true, true},
		{"sign-out", func(h *house, _ shippost.APIKey) error { return h.SignOut(ctx, h.owner) }, false, true},
		{"sign-out everywhere", func(h *house, _ shippost.APIKey) error { return h.EndAll(ctx, h.owner, false) }, false, true},
		{"sign-out everywhere with keys", func(h *house, _ shippost.APIKey) error { return h.EndAll(ctx, h.owner, true) }, false, false},
		{"key revoked", func(h *house, k shippost.APIKey) error { return h.RevokeKey(ctx, h.owner, k.ID) }, true, false},
		{"user disabled", disable, false, false},
		{"member removed", remove, false, false},
		{"unused for 14 days", wait(14 * day), false, true},
		{"unused for almost 14 days", wait(14*day - time.Second), true, true},
		{"key expired", wait(60 * day), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			ticket := h.signIn(shippost.Actor{})
			h.owner.Session = ticket.Session
			key, secret := h.key(h.clock.Now().Add(60 * day))
			if err := c.end(h, key); err != nil {
				t.Fatal(err)
			}
			_, err := h.as(ticket)
			if (err == nil) != c.cookie || err != nil && shippost.AsError(err).Message != "You are not signed in any more. Sign in again." {
				t.Errorf("cookie: %v, want ok = %v", err, c.cookie)
			}
			_, unknown := h.as(auth.Ticket{Cookie: auth.NewToken()})
			if err != nil && err.Error() != unknown.Error() {
				t.Errorf("an ended session is told apart from an unknown one: %q, %q", err, unknown)
			}
			_, err = h.asKey(secret)
			if (err == nil) != c.key {
				t.Errorf("key: %v, want ok = %v", err, c.key)
			}
			_, unknown = h.asKey(shippost.NewSecret("sp_unknown"))
			if err != nil && err.Error() != unknown.Error() {
				t.Errorf("an ended key is told apart from an unknown one: %q, %q", err, unknown)
			}
		})
	}
}

func TestSessionEndsAfterThirtyDaysHoweverBusy(t *testing.T) {
	h := newHouse(t)
	ticket := h.signIn(shippost.Actor{})
	for range 29 {
		h.clock.Advance(day)
		if _, err := h.as(ticket); err != nil {
			t.Fatalf("at %s: %v", h.clock.Now(), err)
		}
	}
	h.clock.Advance(day)
	if _, err := h.as(ticket); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("after 30 days: %v", err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.View(t, h.db, func(tx *store.Tx) error {
		if list, err := tx.Sessions(t.Context(), h.owner.User); len(list) != 0 || err != nil {
			t.Errorf("after the sweep: %v, %v", list, err)
		}
		return nil
	})
}

func TestSignInIsFreshForTenMinutes(t *testing.T) {
	h := newHouse(t)
	ticket := h.signIn(shippost.Actor{})
	h.clock.Advance(10 * time.Minute)
	if actor, _ := h.as(ticket); !actor.Fresh {
		t.Error("not fresh after ten minutes")
	}
	h.clock.Advance(time.Microsecond)
	old, _ := h.as(ticket)
	if old.Fresh {
		t.Error("still fresh after more than ten minutes")
	}
	if _, _, err := h.CreateKey(t.Context(), old, "x", time.Time{}); !shippost.IsCode(err, "step_up_required") {
		t.Errorf("a key with a stale sign-in: %v", err)
	}
	// Proving it again gives a new cookie, and the old one ends.
	again := h.signIn(old)
	if again.Cookie == ticket.Cookie || again.Session == ticket.Session {
		t.Error("the session kept its id")
	}
	if _, err := h.as(ticket); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("the former cookie: %v", err)
	}
	if actor, err := h.as(again); err != nil || !actor.Fresh {
		t.Errorf("the new cookie: %+v, %v", actor, err)
	}
}

func TestRoleIsReadAnew(t *testing.T) {
	h := newHouse(t)
	ticket := h.signIn(shippost.Actor{})
	_, secret := h.key(time.Time{})
	storetest.Update(t, h.db, func(tx *store.Tx) error {
		_, err := tx.SetRole(t.Context(), h.owner.Workspace, h.owner.User, shippost.Owner, shippost.Viewer)
		return err
	})
	if actor, err := h.as(ticket); err != nil || actor.Role != shippost.Viewer {
		t.Errorf("cookie: %+v, %v", actor, err)
	}
	if actor, err := h.asKey(secret); err != nil || actor.Role != shippost.Viewer || actor.Kind != shippost.ActorKey {
		t.Errorf("key: %+v, %v", actor, err)
	}
}

func TestLastUseIsExactToAMinute(t *testing.T) {
	h := newHouse(t)
	began := h.clock.Now()
	ticket := h.signIn(shippost.Actor{})
	seen := func() time.Time {
		list, err := h.Sessions(t.Context(), h.owner)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0].SeenAt
	}
	for _, c := range []struct {
		after time.Duration
		want  time.Duration
	}{{59 * time.Second, 0}, {time.Second, time.Minute}, {30 * time.Second, time.Minute}, {time.Hour, time.Hour + 90*time.Second}} {
		h.clock.Advance(c.after)
		if _, err := h.as(ticket); err != nil {
			t.Fatal(err)
		}
		if got := seen(); !got.Equal(began.Add(c.want)) {
			t.Errorf("at %s: last seen %s, want %s", h.clock.Now(), got, began.Add(c.want))
		}
	}
}

func TestListAndEndSessions(t *testing.T) {
	h := newHouse(t)
	here := h.signIn(shippost.Actor{})
	there := h.signIn(shippost.Actor{})
	me, err := h.as(here)
	if err != nil {
		t.Fatal(err)
	}
	list, err := h.Sessions(t.Context(), me)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, s := range list {
		if s.Current != (s.ID == here.Session) || s.Browser != "Firefox" || s.Network != "203.0.113.0/24" || !s.ExpiresAt.Equal(h.clock.Now().Add(14*day)) {
			t.Errorf("session %+v", s)
		}
	}
	stranger := storetest.Workspace(t, h.db)
	if err := h.EndSession(t.Context(), stranger, there.Session); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("somebody else ends it: %v", err)
	}
	if err := h.EndSession(t.Context(), me, there.Session); err != nil {
		t.Fatal(err)
	}
	if _, err := h.as(there); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("the other browser: %v", err)
	}
	if err := h.EndSession(t.Context(), me, there.Session); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("ended twice: %v", err)
	}
	elsewhere, theirs := h.signIn(shippost.Actor{}), h.signInAs(stranger)
	for range 2 { // the second time there is nothing left to do
		if err := h.EndOthers(t.Context(), me); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.as(elsewhere); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("the other browser, after all others were signed out: %v", err)
	}
	for name, ticket := range map[string]auth.Ticket{"the browser that asked": here, "somebody else's": theirs} {
		if _, err := h.as(ticket); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, secret := h.key(time.Time{})
	program, _ := h.asKey(secret)
	if err := h.EndOthers(t.Context(), program); !shippost.IsCode(err, "person_required") {
		t.Errorf("a program ends other sessions: %v", err)
	}
	if _, err := h.Sessions(t.Context(), program); !shippost.IsCode(err, "person_required") {
		t.Errorf("a program lists sessions: %v", err)
	}
	if err := h.EndAll(t.Context(), program, false); !shippost.IsCode(err, "person_required") {
		t.Errorf("a program ends sessions: %v", err)
	}
}

func TestKeyIsShownOnce(t *testing.T) {
	h := newHouse(t)
	key, secret := h.key(time.Time{})
	if !regexp.MustCompile(`^sp_[0-9a-hjkmnp-tv-z]{52}$`).MatchString(secret.Reveal()) || !strings.HasPrefix(secret.Reveal(), key.Hint) || len(key.Hint) != 9 {
		t.Errorf("key %q, hint %q", secret.Reveal(), key.Hint)
	}
	list, err := h.Keys(t.Context(), h.owner)
	if err != nil || len(list) != 1 || list[0] != key {
		t.Errorf("list %+v, %v; want %+v", list, err, key)
	}
	actor, err := h.asKey(secret)
	if err != nil || actor.Kind != shippost.ActorKey || actor.Key != key.ID || actor.User != h.owner.User || actor.Fresh || actor.Session != "" {
		t.Errorf("actor %+v, %v", actor, err)
	}
	list, _ = h.Keys(t.Context(), h.owner)
	if !list[0].LastUsedAt.Equal(h.clock.Now()) {
		t.Errorf("last used %s", list[0].LastUsedAt)
	}
	var kinds []string
	storetest.View(t, h.db, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: h.owner.Workspace})
		for _, e := range entries {
			kinds = append(kinds, string(e.Kind))
			if e.Data["key"] != string(key.ID) || e.Personal["name"] != "build" {
				t.Errorf("entry %+v", e)
			}
		}
		return err
	})
	if strings.Join(kinds, " ") != "key.created" {
		t.Errorf("journal: %v", kinds)
	}
}

func TestKeyRefusals(t *testing.T) {
	h := newHouse(t)
	_, secret := h.key(time.Time{})
	program, _ := h.asKey(secret)
	program.Fresh = true
	editor, viewer, stale := h.owner, h.owner, h.owner
	editor.Role, viewer.Role, stale.Fresh = shippost.Editor, shippost.Viewer, false
	long := strings.Repeat("ä", 101)
	for _, c := range []struct {
		name    string
		actor   shippost.Actor
		key     string
		expires time.Time
		code    string
	}{
		{"a program", program, "x", time.Time{}, "person_required"},
		{"an editor", editor, "x", time.Time{}, "not_allowed"},
		{"a viewer", viewer, "x", time.Time{}, "not_allowed"},
		{"nobody", shippost.Actor{}, "x", time.Time{}, "sign_in_required"},
		{"a stale sign-in", stale, "x", time.Time{}, "step_up_required"},
		{"no name", h.owner, " \t ", time.Time{}, "invalid_key_name"},
		{"long name", h.owner, long, time.Time{}, "invalid_key_name"},
		{"line break", h.owner, "a\nb", time.Time{}, "invalid_key_name"},
		{"expired before it begins", h.owner, "x", h.clock.Now(), "expiry_in_the_past"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, secret, err := h.CreateKey(t.Context(), c.actor, c.key, c.expires)
			if !shippost.IsCode(err, c.code) || !secret.IsZero() {
				t.Errorf("error %v, want %s", err, c.code)
			}
		})
	}
	if _, _, err := h.CreateKey(t.Context(), h.owner, long[:200], time.Time{}); err != nil {
		t.Errorf("a name of 100 characters: %v", err)
	}
	stranger := storetest.Workspace(t, h.db)
	list, _ := h.Keys(t.Context(), h.owner)
	if err := h.RevokeKey(t.Context(), stranger, list[0].ID); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("another workspace revokes: %v", err)
	}
	if err := h.RevokeKey(t.Context(), stale, list[0].ID); !shippost.IsCode(err, "step_up_required") {
		t.Errorf("revoked with a stale sign-in: %v", err)
	}
	if _, err := h.asKey(secret); err != nil {
		t.Errorf("the key has suffered: %v", err)
	}
}

// S4: tries are bounded for each network, and nobody else pays for them.
func TestRefusedTriesAreLimited(t *testing.T) {
	h := newHouse(t)
	ticket := h.signIn(shippost.Actor{})
	try := func(network string) error {
		_, err := h.Authenticate(t.Context(), auth.Credentials{Bearer: shippost.NewSecret("sp_guess"), Network: network})
		return err
	}
	var refused, waits int
	for range 1000 {
		switch err := try("198.51.100.0/24"); {
		case shippost.IsKind(err, shippost.Unauthenticated):
			refused++
		case shippost.IsKind(err, shippost.Wait) && shippost.AsError(err).RetryAfter == 15*time.Minute:
			waits++
		default:
			t.Fatal(err)
		}
	}
	if refused != 30 || waits != 970 {
		t.Errorf("%d refused, %d told to wait; want 30 and 970", refused, waits)
	}
	if err := try("203.0.113.0/24"); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("another network: %v", err)
	}
	if _, err := h.Authenticate(t.Context(), auth.Credentials{Cookie: ticket.Cookie, Network: "198.51.100.0/24"}); err != nil {
		t.Errorf("a good cookie from the same network: %v", err)
	}
	if err := h.Attempt("198.51.100.0/24"); err != nil {
		t.Errorf("sign-ins are counted apart: %v", err)
	}
	h.clock.Advance(15 * time.Minute)
	if err := try("198.51.100.0/24"); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("after the window: %v", err)
	}
}
