package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	feature "ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// S4: a code of the app counts once, on whichever node and however many try at once, and for one step to either side of a clock.
func TestACodeCountsOnce(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		g.out("the code that set the app up", g.at(0))
		clock.Advance(5 * time.Minute)
		g.out("a clock two steps slow", g.at(-time.Minute))
		g.out("a clock two steps fast", g.at(time.Minute))
		g.in(g.at(-30 * time.Second))
		g.out("twice", g.at(-30*time.Second))
		code := g.at(0)
		g.in(code[:3] + " " + code[3:])
		g.out("twice, written otherwise", code)
		g.out("one from before it", g.at(-30*time.Second))
		g.in(g.at(30 * time.Second))
		clock.Advance(30 * time.Second)
		g.out("one that a fast clock used already", g.at(0))
		clock.Advance(15 * time.Minute)
		// Two nodes and many browsers at once.
		code = g.at(0)
		var lock sync.Mutex
		var all sync.WaitGroup
		entered := 0
		nodes := []*feature.Keeper{g.node(), g.node()}
		for i := range 8 {
			all.Go(func() {
				_, err := nodes[i%2].SignInByCode(t.Context(), feature.Visit{}, g.person, shippost.Secret{}, code)
				if err != nil && !shippost.IsCode(err, "code_refused") {
					t.Error(err)
				}
				lock.Lock()
				defer lock.Unlock()
				if err == nil {
					entered++
				}
			})
		}
		all.Wait()
		if entered != 1 {
			t.Errorf("a code let in %d times", entered)
		}
		for _, node := range nodes {
			if _, err := node.SignInByCode(t.Context(), feature.Visit{}, g.person, shippost.Secret{}, code); !shippost.IsCode(err, "code_refused") {
				t.Errorf("afterwards: %v", err)
			}
		}
	})
}

// S4: ten wrong codes, and the right one has to wait; the more, the longer, but nobody is kept out for good, by a passkey not at all, and
// by what others try neither.
func TestWrongCodesHaveToWait(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		ada := g.person
		network := 0
		try := func(code string) error {
			network++ // each from a network of its own: a limit of networks must not be what holds
			_, err := g.keeper.SignInByCode(t.Context(), feature.Visit{Network: fmt.Sprintf("10.%d.%d.0/24", network/250, network%250)}, g.person, shippost.Secret{}, code)
			return err
		}
		waits := func(when, code string) time.Duration {
			t.Helper()
			err := try(code)
			if !shippost.IsKind(err, shippost.Wait) || !shippost.IsCode(err, "too_many_codes") {
				t.Fatalf("%s: %v", when, err)
			}
			return shippost.AsError(err).RetryAfter
		}
		exhaust := func() (n int) {
			for ; n < 100; n++ {
				if err := try(g.wrong()); shippost.IsKind(err, shippost.Wait) {
					return n
				} else if !shippost.IsCode(err, "code_refused") {
					t.Fatal(err)
				}
			}
			return n
		}
		clock.Advance(time.Minute)
		if n := exhaust(); n != 10 {
			t.Errorf("%d wrong codes are taken", n)
		}
		first := waits("the right one after ten wrong ones", g.at(0))
		waits("a recovery code after ten wrong ones", g.codes[0])
		if first <= 0 || first > 15*time.Minute {
			t.Errorf("the first wait is %s", first)
		}
		if w := g.try(g.at(0)); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "Use your passkey, or wait 15 minutes") {
			t.Errorf("the page: %d %s", w.Code, w.Body)
		}
		if w := g.signIn(g.device); w.Code != http.StatusSeeOther {
			t.Errorf("a passkey has to wait too: %d %s", w.Code, w.Body)
		}
		g.person = storetest.Workspace(t, db)
		g.person.Fresh = true
		if err := try(g.wrong()); !shippost.IsCode(err, "code_refused") {
			t.Errorf("somebody else has to wait: %v", err)
		}
		g.person = ada
		clock.Advance(first)
		if err := try(g.at(0)); err != nil {
			t.Fatalf("after the wait: %v", err)
		}
		// What was right is not counted: as often as one likes.
		for range 12 {
			clock.Advance(30 * time.Second)
			if err := try(g.at(0)); err != nil {
				t.Fatalf("a right code: %v", err)
			}
		}
		exhaust()
		second := waits("after twenty wrong ones", g.at(0))
		if second <= 15*time.Minute || second > 2*time.Hour {
			t.Errorf("the second wait is %s", second)
		}
		clock.Advance(second)
		for range 3 {
			exhaust()
			clock.Advance(15 * time.Minute)
		}
		last := waits("after forty wrong ones", g.at(0))
		if last <= 2*time.Hour || last > 24*time.Hour {
			t.Errorf("the last wait is %s", last)
		}
		clock.Advance(last)
		if err := try(g.at(0)); err != nil {
			t.Fatalf("kept out for good: %v", err)
		}
		// A network that tries for many people at once is stopped at thirty.
		clock.Advance(25 * time.Hour)
		refused := 0
		for i := range 35 {
			g.person = shippost.Actor{Kind: shippost.ActorUser, User: shippost.UserID(fmt.Sprintf("usr_%d", i)), Workspace: ada.Workspace, Role: shippost.Owner, Fresh: true}
			if w := g.try(g.wrong()); w.Code == http.StatusForbidden {
				refused++
			} else if w.Code != http.StatusTooManyRequests {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		if refused != 30 {
			t.Errorf("a network tried %d codes", refused)
		}
	})
}

// Recovery codes: ten, shown once, kept as hashes, each counts once, new ones end the old ones, and their use is told where it is seen.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		ctx := t.Context()
		if page := g.send("GET", "/admin/factors", nil).Body.String(); !strings.Contains(page, "10 of 10 are left") || strings.Contains(page, g.codes[0]) || strings.Contains(page, g.secret) {
			t.Errorf("the page afterwards:\n%s", page)
		}
		if w := g.send("GET", "/admin/factors/app", nil); w.Code != http.StatusNotFound {
			t.Errorf("the secret is shown again: %d", w.Code)
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			f, err := tx.AdminFallback(ctx, g.admin)
			if f.Seed == "" || strings.Contains(f.Seed, g.secret) || f.Pending != "" || f.User != g.person.User {
				t.Errorf("kept: %+v", f)
			}
			if known, _ := tx.HasAdminCode(ctx, g.admin, g.codes[0]); known {
				t.Error("a code is kept as it is")
			}
			return err
		})
		// Without an address nobody is written to.
		g.in(strings.ToUpper(strings.ReplaceAll(g.codes[0], "-", " ")))
		g.out("twice", g.codes[0])
		if len(g.letters) != 0 {
			t.Errorf("%+v", g.letters)
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			return tx.SaveAddress(ctx, store.Address{User: g.person.User, Mail: "ada@example.com", LeaveHash: "x", ConfirmedAt: noon})
		})
		g.in(g.codes[1])
		if len(g.letters) != 1 || g.letters[0].To != "ada@example.com" || g.letters[0].Kind != shippost.LetterRecovered || g.letters[0].Facts["Left"] != int64(8) || g.letters[0].User != g.person.User {
			t.Errorf("%+v", g.letters)
		}
		for page, want := range map[string]string{"/admin": "You came in with a recovery code on 24 Nov 2026, 12:00; 8 of 10 are left.", "/admin/factors": "8 of 10 are left. Each counts once. The last was used on 24 Nov 2026, 12:00 UTC.",
			"/admin/audit": "An administrator signed in with a recovery code"} {
			if body := g.send("GET", page, nil).Body.String(); !strings.Contains(body, want) {
				t.Errorf("%s does not tell of it:\n%s", page, body)
			}
		}
		// New ones, with the passkey alone.
		old := g.codes
		if w := g.send("POST", "/admin/factors/codes", nil); w.Code != http.StatusForbidden {
			t.Errorf("made anew without a passkey: %d", w.Code)
		}
		g.signIn(g.device)
		g.makeCodes()
		if body := g.send("GET", "/admin", nil).Body.String(); strings.Contains(body, "recovery code") {
			t.Errorf("still told:\n%s", body)
		}
		g.out("an old one", old[2])
		for i, code := range g.codes {
			if slices.Contains(old, code) {
				t.Error("a code came twice")
			}
			clock.Advance(time.Second)
			if g.in(code); i == 9 {
				if page := g.send("GET", "/admin/factors", nil).Body.String(); !strings.Contains(page, "None is left.") {
					t.Errorf("all are used:\n%s", page)
				}
			}
		}
		g.out("none is left", g.codes[9])
		// Told for a month.
		clock.Advance(31 * 24 * time.Hour)
		g.in(g.at(0))
		if body := g.send("GET", "/admin", nil).Body.String(); strings.Contains(body, "recovery code") {
			t.Errorf("told for longer than a month:\n%s", body)
		}
	})
}

// Whoever is no administrator, and whoever is wrong, reads the same; that it takes as long is tested where codes are checked.
func TestNobodyLearnsWhoIsAnAdministrator(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	db := storetest.SQLite(t, storetest.At(clock.Now))
	g := guard(t, db, clock)
	known := g.person
	stranger := storetest.Workspace(t, db)
	stranger.Fresh = true
	clock.Advance(time.Minute)
	g.cookie = nil
	form := func(person shippost.Actor) string {
		g.person = person
		return g.send("GET", "/admin/sign-in/code", nil).Body.String() + g.try(g.wrong()).Body.String()
	}
	if a, b := form(known), form(stranger); a != b {
		t.Errorf("an administrator reads\n%s\nand anybody else\n%s", a, b)
	}
}

// The rows of sessions say by what they were opened, so that nothing older passes for what it is not.
func TestSessionsSayByWhat(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		clock.Advance(time.Minute)
		by := func() (how string) {
			storetest.View(t, db, func(tx *store.Tx) error {
				s, err := tx.AdminSession(t.Context(), auth.Hash(shippost.NewSecret(g.cookie.Value)))
				how = s.OpenedBy
				return err
			})
			return how
		}
		g.in(g.at(0))
		app := by()
		g.in(g.codes[0])
		recovery := by()
		g.signIn(g.device)
		if got := []string{app, recovery, by()}; !slices.Equal(got, []string{"app", "recovery", "passkey"}) {
			t.Errorf("%v", got)
		}
		// A row that this session was taken from does not open another's.
		storetest.Update(t, db, func(tx *store.Tx) error { _, err := tx.DeleteAdminFallback(t.Context(), g.admin); return err })
		g.out("without a row", g.at(0))
	})
}
