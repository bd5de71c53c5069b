package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/passkey/passkeytest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var (
	secretShown = regexp.MustCompile(`<dt>Text to type</dt><dd><code>([A-Z2-7 ]+)</code>`)
	codeShown   = regexp.MustCompile(`<li><code>([a-z2-7-]+)</code>`)
)

// guarded is an administrator with everything that stands in for a passkey.
type guarded struct {
	*office
	device *passkeytest.Device
	secret string   // of the authenticator app
	codes  []string // for recovery
	admin  shippost.AdminID
}

func guard(t *testing.T, db *store.DB, clock *storetest.Clock) *guarded {
	t.Helper()
	g := &guarded{office: open(t, db, clock)}
	g.device, _ = g.enrol(g.office.code())
	g.person, g.called = storetest.Workspace(t, db), "Ada"
	g.person.Fresh = true
	g.done("/admin/factors/person", nil)
	g.setUpApp()
	g.makeCodes()
	storetest.View(t, db, func(tx *store.Tx) error {
		all, err := tx.Administrators(t.Context())
		g.admin = all[0].ID
		return err
	})
	return g
}

// done posts what has to lead back to the page of the factors.
func (g *guarded) done(path string, form url.Values) {
	g.t.Helper()
	if w := g.send("POST", path, form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/factors" {
		g.t.Fatalf("%s: %d to %q: %s", path, w.Code, w.Header().Get("Location"), w.Body)
	}
}

// begin begins to set up an app and returns its secret.
func (g *guarded) begin() string {
	g.t.Helper()
	g.send("POST", "/admin/factors/app", nil)
	found := secretShown.FindStringSubmatch(g.send("GET", "/admin/factors/app", nil).Body.String())
	if found == nil {
		g.t.Fatal("no secret is shown")
	}
	return strings.ReplaceAll(found[1], " ", "")
}

func (g *guarded) setUpApp() {
	g.t.Helper()
	g.secret = g.begin()
	g.done("/admin/factors/app/confirm", url.Values{"code": {g.at(0)}})
}

func (g *guarded) makeCodes() {
	g.t.Helper()
	g.codes = nil
	for _, found := range codeShown.FindAllStringSubmatch(g.send("POST", "/admin/factors/codes", nil).Body.String(), -1) {
		g.codes = append(g.codes, found[1])
	}
	if len(g.codes) != 10 {
		g.t.Fatalf("%d recovery codes", len(g.codes))
	}
}

// at is the code that the app shows so much later.
func (g *guarded) at(later time.Duration) string {
	g.t.Helper()
	code, err := totp.GenerateCode(g.secret, g.clock.Now().Add(later))
	if err != nil {
		g.t.Fatal(err)
	}
	return code
}

// wrong is a code that the app does not show now.
func (g *guarded) wrong() string {
	near := []string{g.at(-time.Minute), g.at(-30 * time.Second), g.at(0), g.at(30 * time.Second), g.at(time.Minute)}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !slices.Contains(near, code) {
			return code
		}
	}
}

// try signs in with a code, in a browser of its own.
func (g *guarded) try(code string) *httptest.ResponseRecorder {
	g.t.Helper()
	g.cookie = nil
	return g.send("POST", "/admin/sign-in/code", url.Values{"code": {code}, "return_to": {"/admin/users"}})
}

// in fails unless a code lets in, and says so.
func (g *guarded) in(code string) {
	g.t.Helper()
	if w := g.try(code); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" || g.cookie == nil {
		g.t.Fatalf("not let in: %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
}

// out fails unless a code is refused.
func (g *guarded) out(when, code string) {
	g.t.Helper()
	if w := g.try(code); w.Code != http.StatusForbidden || g.cookie != nil || !strings.Contains(w.Body.String(), "does not let you in") {
		g.t.Errorf("%s: %d: %s", when, w.Code, w.Body)
	}
}

// P13: what stands in for a passkey are two things together, and each of them alone opens nothing; what it opens is as short, and touches
// nothing of how somebody gets in but to bring a passkey back.
func TestPromise_P13_TheFallbackTakesTwoThings(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		clock.Advance(time.Minute)
		ada := g.person
		shut := func(when string) {
			t.Helper()
			for _, route := range behind() {
				method, path, _ := strings.Cut(route, " ")
				if w := g.send(method, path, nil); w.Code != http.StatusSeeOther && w.Code != http.StatusUnauthorized || w.Code == http.StatusSeeOther && !strings.HasPrefix(w.Header().Get("Location"), "/admin/sign-in") {
					t.Errorf("%s: %s answers %d", when, route, w.Code)
				}
			}
		}
		// The code alone.
		for name, person := range map[string]shippost.Actor{"nobody": {}, "a sign-in of yesterday": stale(ada), "a program": program(ada), "an administrator": {Kind: shippost.ActorAdmin, Admin: g.admin, Fresh: true}} {
			g.person = person
			for _, code := range []string{g.at(0), g.codes[0]} {
				if w := g.try(code); w.Code != http.StatusSeeOther || g.cookie != nil || w.Header().Get("Location") != "/sign-in?return_to="+url.QueryEscape("/admin/sign-in/code?return_to="+url.QueryEscape("/admin/users")) {
					t.Errorf("%s with a code: %d to %q", name, w.Code, w.Header().Get("Location"))
				}
			}
			if body := g.send("GET", "/admin/sign-in/code", nil).Body.String(); strings.Contains(body, `name="code"`) || !strings.Contains(body, "/sign-in?return_to=") {
				t.Errorf("%s is asked for a code:\n%s", name, body)
			}
		}
		shut("a code alone")
		// The sign-in alone, and somebody else's with the code.
		g.person = ada
		g.out("a wrong code", g.wrong())
		g.out("no code", "")
		g.out("a code of no digits", "abcdef")
		g.out("a recovery code of nobody", "aaaaa-aaaaa-aaaaa-aaaaa")
		g.person = storetest.Workspace(t, db)
		g.person.Fresh = true
		g.out("the code with somebody else's sign-in", g.at(0))
		g.out("a recovery code with somebody else's sign-in", g.codes[0])
		shut("one thing alone")
		// Both.
		g.person = ada
		g.in(g.at(0))
		if c := g.cookie; c.Name != "__Host-shippost-admin" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 8*3600 {
			t.Errorf("cookie %+v", c)
		}
		if w := g.send("GET", "/admin", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Olga Operator") {
			t.Errorf("overview: %d %s", w.Code, w.Body)
		}
		if w := g.send("POST", "/admin/users/"+string(ada.User)+"/enable", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" {
			t.Errorf("a sign-in of two things is no fresh one: %d %s", w.Code, w.Body)
		}
		for route, row := range accesses {
			if row.coded != http.StatusForbidden {
				continue
			}
			method, path, _ := strings.Cut(route, " ")
			if w := g.send(method, strings.ReplaceAll(path, "{id}", "pky_x"), url.Values{"code": {g.at(0)}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "passkey_required") {
				t.Errorf("%s without a passkey: %d %s", route, w.Code, w.Body)
			}
		}
		// The session ends as any other, and its former one with it.
		kept := g.cookie
		clock.Advance(30 * time.Second)
		if w := g.send("POST", "/admin/sign-in/code", url.Values{"code": {g.at(0)}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin" {
			t.Fatalf("again: %d %s", w.Code, w.Body)
		}
		fresh := g.cookie
		g.cookie = kept
		shut("the former session")
		g.cookie = fresh
		clock.Advance(11 * time.Minute)
		if w := g.send("POST", "/admin/users/"+string(ada.User)+"/disable", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/sign-in?return_to=%2Fadmin" {
			t.Errorf("without a fresh sign-in: %d %q", w.Code, w.Header().Get("Location"))
		}
		clock.Advance(15 * time.Minute)
		shut("idle")
		// A passkey is brought back.
		g.in(g.at(0))
		lost := g.device
		g.addPasskey()
		if w := g.signIn(g.device); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" {
			t.Errorf("with the new passkey: %d %s", w.Code, w.Body)
		}
		_ = lost
		// Who is kept out, kept out by the product, or ended it, does not come in.
		g.done("/admin/factors/person/remove", nil)
		clock.Advance(30 * time.Second)
		g.out("ended", g.at(30*time.Second))
		g.out("ended", g.codes[0])
	})
}

func (g *guarded) addPasskey() {
	g.t.Helper()
	q := g.ask("/admin/factors/passkeys/question", nil)
	d := passkeytest.New(g.t, public, "posts.example")
	g.done("/admin/factors/passkeys", url.Values{"token": {q.Token}, "answer": {string(d.Create(q.Options))}, "name": {"New phone"}})
	g.device = d
}

func stale(a shippost.Actor) shippost.Actor {
	a.Fresh = false
	return a
}

func program(a shippost.Actor) shippost.Actor {
	a.Kind, a.Key = shippost.ActorKey, "key_x"
	return a
}

// Whatever is changed about how somebody gets in takes a fresh sign-in with a passkey, ends all their other sessions, and is in the audit
// log. S3.
func TestPromise_P13_ChangedFactorsEndOtherSessions(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		other := func() *http.Cookie {
			t.Helper()
			here := g.cookie
			g.cookie = nil
			g.signIn(g.device)
			there := g.cookie
			g.cookie = here
			return there
		}
		entries := func() (list []shippost.Entry) {
			t.Helper()
			storetest.View(t, db, func(tx *store.Tx) (err error) {
				list, err = tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryAdminFactors, shippost.EntryPasskeyAdded, shippost.EntryPasskeyRemoved}})
				return err
			})
			return list
		}
		var second string
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"a passkey is added", func() { g.addPasskey() }},
			{"a passkey is removed", func() {
				storetest.View(t, db, func(tx *store.Tx) error {
					keys, err := tx.Passkeys(t.Context(), string(g.admin))
					second = string(keys[0].ID)
					return err
				})
				g.done("/admin/factors/passkeys/"+second+"/remove", nil)
			}},
			{"codes are made anew", func() { g.makeCodes() }},
			{"another app is set up", func() { g.setUpApp() }},
			{"the app is removed", func() { g.done("/admin/factors/app/remove", nil) }},
			{"the person is forgotten", func() { g.done("/admin/factors/person/remove", nil) }},
			{"the person is named", func() { g.done("/admin/factors/person", nil) }},
		} {
			clock.Advance(10 * time.Minute)
			g.cookie = nil
			g.signIn(g.device)
			there, before := other(), len(entries())
			step.do()
			if n := len(entries()); n != before+1 {
				t.Errorf("%s: %d entries more", step.name, n-before)
			}
			if w := g.send("GET", "/admin", nil); w.Code != http.StatusOK {
				t.Errorf("%s: signed out here: %d", step.name, w.Code)
			}
			here := g.cookie
			g.cookie = there
			if w := g.send("GET", "/admin", nil); w.Code != http.StatusSeeOther {
				t.Errorf("%s: still signed in elsewhere: %d", step.name, w.Code)
			}
			g.cookie = here
		}
		// The only passkey stays.
		storetest.View(t, db, func(tx *store.Tx) error {
			keys, err := tx.Passkeys(t.Context(), string(g.admin))
			second = string(keys[0].ID)
			return err
		})
		if w := g.send("POST", "/admin/factors/passkeys/"+second+"/remove", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "last_passkey") {
			t.Errorf("the last passkey went: %d %s", w.Code, w.Body)
		}
		if page := g.send("GET", "/admin/factors", nil).Body.String(); strings.Contains(page, "Remove</button>") {
			t.Errorf("to remove the only passkey is offered:\n%s", page)
		}
		// One person is one administrator.
		g.cookie = nil
		g.enrol(g.office.code())
		if w := g.send("POST", "/admin/factors/person", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "person_taken") {
			t.Errorf("one person is two administrators: %d %s", w.Code, w.Body)
		}
		// Ten minutes later it takes another sign-in, which leads back.
		clock.Advance(11 * time.Minute)
		for _, path := range []string{"/admin/factors/person", "/admin/factors/app", "/admin/factors/codes"} {
			if w := g.send("POST", path, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/sign-in?return_to=%2Fadmin%2Ffactors" {
				t.Errorf("%s without a fresh sign-in: %d to %q", path, w.Code, w.Header().Get("Location"))
			}
		}
		if page := g.send("GET", "/admin/factors", nil).Body.String(); strings.Contains(page, "<button") && strings.Contains(page, `action="/admin/factors`) {
			t.Errorf("what cannot be done is offered:\n%s", page)
		}
	})
}

// An app counts from its first code on, and not after the time to set it up.
func TestAnAppIsSetUpWithItsFirstCode(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		g := guard(t, db, clock)
		clock.Advance(time.Minute)
		before := g.secret
		g.secret = g.begin()
		picture := g.send("GET", "/admin/factors/app/picture", nil)
		if picture.Header().Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(picture.Body.String(), "<svg ") || strings.Contains(picture.Body.String(), "style") {
			t.Errorf("the picture: %v %.80s", picture.Header(), picture.Body)
		}
		if w := g.send("POST", "/admin/factors/app/confirm", url.Values{"code": {g.wrong()}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "check that the clock") || !secretShown.MatchString(w.Body.String()) {
			t.Errorf("a wrong first code: %d %s", w.Code, w.Body)
		}
		here, fresh := g.cookie, g.secret
		g.out("an app that is not set up", g.at(0))
		g.secret = before
		g.in(g.at(0)) // the one before counts until then
		g.cookie, g.secret = here, fresh
		g.done("/admin/factors/app/confirm", url.Values{"code": {g.at(0)}})
		clock.Advance(time.Minute)
		g.secret = before
		g.out("the app before", g.at(0))
		g.secret = fresh
		g.in(g.at(0))
		g.signIn(g.device)
		g.secret = g.begin()
		clock.Advance(10 * time.Minute)
		g.signIn(g.device)
		if w := g.send("POST", "/admin/factors/app/confirm", url.Values{"code": {g.at(0)}}); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "app_not_asked") {
			t.Errorf("after ten minutes: %d %s", w.Code, w.Body)
		}
	})
}
