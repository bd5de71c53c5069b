package breach_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/breach"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const mara = "mara.moves"

// errCrash is what a process that dies is, to this process.
var errCrash = errors.New("crash")

// brittle dies before a call: the number of the account to give up, or the end of all of them.
type brittle struct {
	breach.Accounts
	dies, calls int
}

// GiveUp dies when its turn is there.
func (b *brittle) GiveUp(ctx context.Context, tx *store.Tx, account shippost.Account) (bool, error) {
	if b.calls++; b.calls == b.dies {
		panic(errCrash)
	}
	return b.Accounts.GiveUp(ctx, tx, account)
}

// FinishPartings dies when its turn is there.
func (b *brittle) FinishPartings(ctx context.Context) error {
	if b.calls++; b.calls == b.dies {
		panic(errCrash)
	}
	return b.Accounts.FinishPartings(ctx)
}

// An answer that dies on its way, called again, comes to the same end, and no step is done twice.
func TestAnswer_DiesOnItsWay(t *testing.T) {
	t.Parallel()
	for dies := 1; dies <= 3; dies++ { // before the first account, the second, the platform
		t.Run(fmt.Sprint(dies), func(t *testing.T) {
			t.Parallel()
			storetest.EachAt(t, connecttest.Noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
				ctx := t.Context()
				var o connect.Options
				b := connecttest.On(t, db, clock, func(given *connect.Options) { o = *given })
				log := slog.New(slog.NewTextHandler(t.Output(), nil))
				chain := journal.NewChain(journal.ChainOptions{DB: db, Sealer: o.Sealer, Bucket: o.Bucket, Now: clock.Now, Log: log})
				keys := rotate.New(rotate.Options{DB: db, Sealer: o.Sealer, Chain: chain, Shared: true, Log: log})
				first := signIn(t, b)
				second := storetest.Account(t, db, shippost.Actor{Workspace: first.Account.Workspace})
				if err := chain.Seal(ctx); err != nil {
					t.Fatal(err)
				}
				func() {
					defer func() {
						died := recover()
						if err, _ := died.(error); !errors.Is(err, errCrash) {
							t.Fatalf("it died of %v", died)
						}
					}()
					desk := breach.New(breach.Options{DB: db, Accounts: &brittle{Accounts: b.Desk, dies: dies}, Chain: chain, Keys: keys, Log: log})
					_, err := desk.Answer(ctx)
					t.Errorf("it came to its end: %v", err)
				}()
				toll, err := breach.New(breach.Options{DB: db, Accounts: b.Desk, Chain: chain, Keys: keys, Log: log}).Answer(ctx)
				if err != nil || toll.Held != 0 || !toll.Rotated || toll.OldKeys != "" || toll.Accounts != 3-dies {
					t.Errorf("again: %+v, %v", toll, err)
				}
				storetest.View(t, db, func(tx *store.Tx) error {
					for _, before := range []shippost.Account{first.Account, second} {
						now, err := tx.AccountOfAny(ctx, before.ID)
						if err != nil || now.StatusReason != shippost.ReasonBreach || now.Epoch != before.Epoch+1 {
							t.Errorf("%+v, %v", now, err)
						}
					}
					open, err := tx.OpenAccess(ctx)
					for _, l := range open {
						if l.N != 0 {
							t.Errorf("%d %s are open", l.N, l.Name)
						}
					}
					return err
				})
				if broken := storetest.Entries(t, db, shippost.EntryAccountBroken); len(broken) != 2 {
					t.Errorf("%d entries of accounts given up", len(broken))
				}
				if gone := b.Effects("authorization_removed"); len(gone) != 1 {
					t.Errorf("revoked: %+v", gone)
				}
				if err := chain.Seal(ctx); err != nil {
					t.Fatal(err)
				}
				if r, err := chain.Verify(ctx); err != nil || r.Breaks != 0 || r.Waiting != 0 {
					t.Errorf("%s %v", r.Sentence(), err)
				}
			})
		})
	}
}

// Keys that cannot be rotated, whyever, keep nothing else open, and the answer says why they were not.
func TestAnswer_WithoutNewKeys(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, connecttest.Noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		var o connect.Options
		b := connecttest.On(t, db, clock, func(given *connect.Options) { o = *given })
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		stranger, err := seal.CreateOrLoad(ctx, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		entered := signIn(t, b)
		// The key of the chain does not open.
		strange := journal.NewChain(journal.ChainOptions{DB: db, Sealer: stranger, Bucket: o.Bucket, Now: clock.Now, Log: log})
		if err := strange.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		chain := journal.NewChain(journal.ChainOptions{DB: db, Sealer: o.Sealer, Bucket: o.Bucket, Now: clock.Now, Log: log})
		desk := breach.New(breach.Options{DB: db, Accounts: b.Desk, Chain: chain, Keys: rotate.New(rotate.Options{DB: db, Sealer: o.Sealer, Chain: chain, Shared: true, Log: log}), Log: log})
		// Whom to tell is known all the same.
		if found, err := desk.Find(ctx, connecttest.Noon); err != nil || len(found.People) != 1 || len(found.Timeline) == 0 || !strings.Contains(found.Log, "Do not rely on it") {
			t.Errorf("%+v, %v", found, err)
		}
		toll, err := desk.Answer(ctx)
		if err != nil || toll.Rotated || !strings.Contains(toll.OldKeys, "does not open") || toll.Accounts != 1 || toll.Held != 0 {
			t.Errorf("%+v, %v", toll, err)
		}
		if _, err := b.Auth.Authenticate(ctx, auth.Credentials{Cookie: entered.Ticket.Cookie}); !shippost.IsKind(err, shippost.Unauthenticated) {
			t.Errorf("a cookie still opens something: %v", err)
		}
		if gone := b.Effects("authorization_removed"); len(gone) != 1 {
			t.Errorf("revoked: %+v", gone)
		}
	})
}

func signIn(t *testing.T, b *connecttest.Bench) connect.Result {
	t.Helper()
	browser := auth.NewToken()
	to, err := b.Desk.Start(t.Context(), shippost.Actor{}, connect.Departure{Purpose: connect.SignIn, Platform: shippost.TikTok, Browser: browser})
	if err != nil {
		t.Fatal(err)
	}
	q := b.Consent(t, to, mara, "allow").Query()
	result, err := b.Desk.Finish(t.Context(), shippost.Actor{}, connect.Arrival{Platform: shippost.TikTok, State: q.Get("state"), Code: q.Get("code"), Cookie: browser,
		Network: "203.0.113.0/24", Browser: "Firefox", Request: "req_1"})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// After the answer to a breach nothing that somebody may hold opens anything; what people planned waits; the log tells it, unbroken.
func TestAnswer(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, connecttest.Noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		var o connect.Options
		b := connecttest.On(t, db, clock, func(given *connect.Options) { o = *given })
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		chain := journal.NewChain(journal.ChainOptions{DB: db, Sealer: o.Sealer, Bucket: o.Bucket, Now: clock.Now, Log: log})
		desk := breach.New(breach.Options{DB: db, Accounts: b.Desk, Chain: chain, Keys: rotate.New(rotate.Options{DB: db, Sealer: o.Sealer, Chain: chain, Shared: true, Log: log}), Log: log})
		entered := signIn(t, b)
		actor, err := b.Auth.Authenticate(ctx, auth.Credentials{Cookie: entered.Ticket.Cookie})
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := b.Auth.CreateKey(ctx, actor, "a program", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.SaveAddress(ctx, store.Address{User: actor.User, Mail: "mara@example.com", Pending: "other@example.com", CodeHash: "code", PendingUntil: clock.Now().Add(time.Hour)}); err != nil {
				return err
			}
			if err := tx.InsertAdministrator(ctx, &store.Administrator{ID: "adm_1", Name: "Olga", CreatedAt: clock.Now()}); err != nil {
				return err
			}
			return tx.InsertAdminSession(ctx, &store.AdminSession{Hash: "admin", Admin: "adm_1", CreatedAt: clock.Now(), SeenAt: clock.Now(), ExpiresAt: clock.Now().Add(time.Hour)})
		})
		place := seal.Row{Table: "meta", Column: "value", ID: "a"}
		old, err := o.Sealer.Seal(shippost.NewSecret("a"), place)
		if err != nil {
			t.Fatal(err)
		}
		if err := chain.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		open := func(toll breach.Toll) map[string]int64 {
			all := map[string]int64{"accounts": int64(toll.Accounts)}
			for _, l := range toll.Access {
				all[l.Name] = l.N
			}
			return all
		}
		refused := func(c auth.Credentials) bool {
			_, err := b.Auth.Authenticate(ctx, c)
			return shippost.IsKind(err, shippost.Unauthenticated)
		}

		foreseen, err := desk.Foresee(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int64{"sessions": 1, "administrators' sessions": 1, "API keys": 1, "links to confirm a mail address": 1, "accounts": 1} {
			if got := open(foreseen)[name]; got != want {
				t.Errorf("foreseen: %d %s, want %d", got, name, want)
			}
		}
		if refused(auth.Credentials{Cookie: entered.Ticket.Cookie}) || refused(auth.Credentials{Bearer: key}) {
			t.Fatal("looking ended something")
		}

		if err := b.Sim.SetKnobs(func(k *tiktoksim.Knobs) {
			k.Faults = []tiktoksim.Fault{{Endpoint: "revoke", At: "before_effect", Do: "status", Status: 503, Times: -1}}
		}); err != nil {
			t.Fatal(err)
		}
		toll, err := desk.Answer(ctx)
		if err != nil || toll.Held != 1 {
			t.Fatalf("%+v %v", toll, err)
		}
		for name, n := range open(foreseen) {
			if open(toll)[name] != n {
				t.Errorf("%d %s ended, %d foreseen", open(toll)[name], name, n)
			}
		}
		if !refused(auth.Credentials{Cookie: entered.Ticket.Cookie}) || !refused(auth.Credentials{Bearer: key}) {
			t.Error("a cookie or key still opens something")
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			if _, err := tx.AdminSession(ctx, "admin"); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("an administrator's session: %v", err)
			}
			if _, err := tx.AddressByCode(ctx, "code"); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("a link in a mail: %v", err)
			}
			account, err := tx.AccountOfAny(ctx, entered.Account.ID)
			if account.Status != shippost.AccountReconnect || account.Epoch != entered.Account.Epoch+1 || !strings.Contains(account.Why(), "ended all access") {
				t.Errorf("the account: %+v", account)
			}
			return err
		})
		if token, err := b.Vault.Access(ctx, entered.Account.ID); err != nil || !token.IsZero() {
			t.Errorf("somebody gets the token: %v", err)
		}
		if len(b.Posts.Ended()) != 0 {
			t.Error("posts were ended; they are to wait")
		}
		if _, err := o.Sealer.Open(old, place); !shippost.IsCode(err, "sealed_value_unreadable") || !toll.Rotated || toll.OldKeys != "" {
			t.Errorf("the old key is still there: %v, %+v", err, toll)
		}

		// Called again it finds nothing to end, and the platform is asked until it answers: also when the token has to be renewed for that.
		again, err := desk.Answer(ctx)
		if err != nil || again.Held != 1 {
			t.Errorf("%+v %v", again, err)
		}
		for name, n := range open(again) {
			if n != 0 {
				t.Errorf("again: %d %s", n, name)
			}
		}
		clock.Advance(3 * 24 * time.Hour)
		if err := b.Sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = nil }); err != nil {
			t.Fatal(err)
		}
		if again, err = desk.Answer(ctx); err != nil || again.Held != 0 {
			t.Errorf("%+v %v", again, err)
		}
		if gone := b.Effects("authorization_removed"); len(gone) != 1 || gone[0].Creator != mara {
			t.Errorf("revoked: %+v", gone)
		}

		// The creator comes back, and the posts go on.
		back := signIn(t, b)
		if token, err := b.Vault.Access(ctx, back.Account.ID); err != nil || token.IsZero() || back.Account.ID != entered.Account.ID || len(b.Posts.Ready()) != 1 {
			t.Errorf("connected again: %+v, %v", back.Account, err)
		}

		found, err := desk.Find(ctx, connecttest.Noon)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.People) != 1 || found.People[0].Mail != "mara@example.com" || len(found.People[0].Accounts) != 1 {
			t.Errorf("people: %+v", found.People)
		}
		var kinds []shippost.EntryKind
		for _, e := range found.Timeline {
			kinds = append(kinds, e.Kind)
		}
		last := -1
		for _, kind := range []shippost.EntryKind{shippost.EntryUserSignedIn, shippost.EntryKeysRotated, shippost.EntryAccessEnded, shippost.EntryAccountBroken, shippost.EntryAccountConnected} {
			i := slices.Index(kinds[last+1:], kind)
			if i < 0 {
				t.Fatalf("the timeline lacks %s after %d: %v", kind, last, kinds)
			}
			last += 1 + i
		}
		if late, err := desk.Find(ctx, clock.Now()); err != nil || len(late.Timeline) >= len(found.Timeline) {
			t.Errorf("since later: %d lines, %v", len(late.Timeline), err)
		}
		if text, err := json.Marshal(found); err != nil || strings.Contains(string(text), "Firefox") {
			t.Errorf("%s %v", text, err)
		}
		if err := chain.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		if r, err := chain.Verify(ctx); err != nil || r.Breaks != 0 || r.Waiting != 0 {
			t.Errorf("%s %v", r.Sentence(), err)
		}
	})
}
