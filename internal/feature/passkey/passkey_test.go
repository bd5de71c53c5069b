package passkey_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/feature/passkey/passkeytest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const origin = "https://posts.example"

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// A person adds a passkey, signs in with it, confirms with it, and removes it; nobody else's answer and no answer twice counts.
func TestPeopleSignInWithAPasskey(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		k := passkey.New(passkey.Options{DB: db, PublicURL: origin, Now: clock.Now})
		doors := auth.New(auth.Options{DB: db, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
		ada, eve := storetest.Workspace(t, db), storetest.Workspace(t, db)
		enter := func(d *passkeytest.Device, former shippost.Actor) (auth.Ticket, error) {
			q, err := k.AskWho(ctx, passkey.SignIn)
			if err != nil {
				t.Fatal(err)
			}
			return k.Enter(ctx, doors, former, q.Token, d.Get(q.Options), auth.Entrance{Network: "203.0.113.0/24", Browser: "Firefox"})
		}
		add := func(who shippost.Actor) *passkeytest.Device {
			t.Helper()
			d := passkeytest.New(t, origin, "posts.example")
			q, err := k.AskOwn(ctx, who)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.AddOwn(ctx, who, q.Token, d.Create(q.Options), " My \t phone "); err != nil {
				t.Fatal(err)
			}
			return d
		}
		phone, hers := add(ada), add(eve)
		if phone.Handle() != string(ada.User) {
			t.Errorf("the device keeps %q", phone.Handle())
		}
		ticket, err := enter(phone, shippost.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		actor, err := doors.Authenticate(ctx, auth.Credentials{Cookie: ticket.Cookie})
		if err != nil || actor.User != ada.User || actor.Workspace != ada.Workspace || !actor.Fresh {
			t.Fatalf("signed in as %+v, %v", actor, err)
		}
		// To confirm it has to be the same person, and the former session ends.
		if _, err := enter(hers, actor); !shippost.IsCode(err, "other_person") {
			t.Errorf("confirmed by somebody else: %v", err)
		}
		clock.Advance(time.Hour)
		if _, err := enter(phone, actor); err != nil {
			t.Error(err)
		}
		if _, err := doors.Authenticate(ctx, auth.Credentials{Cookie: ticket.Cookie}); err == nil {
			t.Error("the session before the confirmation still counts")
		}

		// What must not get in.
		refused := func(name string, d *passkeytest.Device, change func(q *passkey.Question)) {
			t.Helper()
			q, err := k.AskWho(ctx, passkey.SignIn)
			if err != nil {
				t.Fatal(err)
			}
			answer := d.Get(q.Options)
			if change != nil {
				change(&q)
			}
			if _, err := k.Enter(ctx, doors, shippost.Actor{}, q.Token, answer, auth.Entrance{}); !shippost.IsCode(err, "passkey_refused") {
				t.Errorf("%s: %v", name, err)
			}
		}
		refused("a stranger's device", func() *passkeytest.Device {
			d := passkeytest.New(t, origin, "posts.example")
			q, _ := k.AskOwn(ctx, ada)
			d.Create(q.Options) // it never came back
			return d
		}(), nil)
		phone.Origin = "https://posts.example.evil"
		refused("another site", phone, nil)
		phone.Origin, phone.Party = origin, "evil.example"
		refused("a key for another site", phone, nil)
		phone.Party, phone.Verified = "posts.example", false
		refused("nobody was recognised", phone, nil)
		phone.Verified = true
		refused("another question", phone, func(q *passkey.Question) { *q, _ = k.AskWho(ctx, passkey.SignIn) })
		refused("an administrator's question", phone, func(q *passkey.Question) { *q, _ = k.AskWho(ctx, passkey.AdminIn) })
		refused("too late", phone, func(*passkey.Question) { clock.Advance(10 * time.Minute) })
		refused("no token", phone, func(q *passkey.Question) { q.Token = shippost.NewSecret("") })
		phone.Counter = 0
		refused("a copy of the key", phone, nil)
		phone.Counter = 100
		q, _ := k.AskWho(ctx, passkey.SignIn)
		answer := phone.Get(q.Options)
		if _, err := k.Enter(ctx, doors, shippost.Actor{}, q.Token, answer, auth.Entrance{}); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Enter(ctx, doors, shippost.Actor{}, q.Token, answer, auth.Entrance{}); !shippost.IsCode(err, "passkey_refused") {
			t.Errorf("an answer twice: %v", err)
		}
		for _, junk := range []string{"", "{}", "null", "[1]", strings.Repeat("{", 10000), `{"id":"x","rawId":"x","type":"public-key","response":{}}`} {
			q, _ := k.AskWho(ctx, passkey.SignIn)
			if _, err := k.Enter(ctx, doors, shippost.Actor{}, q.Token, []byte(junk), auth.Entrance{}); !shippost.IsCode(err, "passkey_refused") {
				t.Errorf("%.20q: %v", junk, err)
			}
		}

		// The list is one's own, and changing it needs a fresh sign-in.
		list, err := k.List(ctx, ada)
		if err != nil || len(list) != 1 || list[0].Name != "My phone" || list[0].UsedAt.IsZero() {
			t.Fatalf("%+v, %v", list, err)
		}
		stale, program := ada, shippost.Actor{Kind: shippost.ActorKey, User: ada.User, Workspace: ada.Workspace, Role: shippost.Owner}
		stale.Fresh = false
		if err := k.RemoveOwn(ctx, stale, list[0].ID); !shippost.IsCode(err, "step_up_required") {
			t.Errorf("removed without a fresh sign-in: %v", err)
		}
		if _, err := k.AskOwn(ctx, stale); !shippost.IsCode(err, "step_up_required") {
			t.Errorf("added without a fresh sign-in: %v", err)
		}
		if _, err := k.List(ctx, program); !shippost.IsCode(err, "person_required") {
			t.Errorf("listed by a program: %v", err)
		}
		// Its name is no secret and no key: a sign-in of any age may change it.
		if err := k.RenameOwn(ctx, stale, list[0].ID, "  Blue\tphone "); err != nil {
			t.Errorf("renamed: %v", err)
		}
		for name, err := range map[string]error{"program": k.RenameOwn(ctx, program, list[0].ID, "x"), "somebody else": k.RenameOwn(ctx, eve, list[0].ID, "x"),
			"long": k.RenameOwn(ctx, ada, list[0].ID, strings.Repeat("x", 61)), "turned around": k.RenameOwn(ctx, ada, list[0].ID, "x\u202ey")} {
			if err == nil {
				t.Errorf("renamed: %s", name)
			}
		}
		if list, err := k.List(ctx, ada); err != nil || list[0].Name != "Blue phone" {
			t.Errorf("%+v, %v", list, err)
		}
		if err := k.RemoveOwn(ctx, eve, list[0].ID); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("removed by somebody else: %v", err)
		}
		qa, _ := k.AskOwn(ctx, ada)
		if err := k.AddOwn(ctx, eve, qa.Token, passkeytest.New(t, origin, "posts.example").Create(qa.Options), "x"); !shippost.IsCode(err, "passkey_refused") {
			t.Errorf("added to somebody else: %v", err)
		}
		if err := k.RemoveOwn(ctx, ada, list[0].ID); err != nil {
			t.Fatal(err)
		}
		refused("removed", phone, nil)
		// A user who is kept out stays out.
		storetest.Update(t, db, func(tx *store.Tx) error { _, err := tx.DisableUser(ctx, eve.User, noon); return err })
		if _, err := enter(hers, shippost.Actor{}); !shippost.IsCode(err, "user_disabled") {
			t.Errorf("a disabled user: %v", err)
		}
		clock.Advance(time.Hour)
		if err := k.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(storetest.Dump(t, db), "ceremonies:") {
			t.Error("questions that nobody answered stay")
		}
	})
}

func TestNoPasskeysAtAnAddress(t *testing.T) {
	t.Parallel()
	k := passkey.New(passkey.Options{PublicURL: "http://127.0.0.1:8080"})
	if _, err := k.AskWho(t.Context(), passkey.SignIn); k.Available() || !shippost.IsCode(err, "passkeys_unavailable") {
		t.Errorf("offered at an address: %v", err)
	}
}
