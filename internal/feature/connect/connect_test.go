package connect_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const mara, kiln, juno = "mara.moves", "quiet.kiln", "juno.sketches"

// browser is a person's browser: the cookie that ties flows to it, and who is signed in.
type browser struct {
	t     *testing.T
	b     *connecttest.Bench
	token shippost.Secret
	actor shippost.Actor
}

func open(t *testing.T, b *connecttest.Bench) *browser {
	return &browser{t: t, b: b, token: auth.NewToken()}
}

// leave starts a flow and returns the address of the consent page.
func (w *browser) leave(d connect.Departure) string {
	w.t.Helper()
	d.Platform, d.Browser = shippost.TikTok, w.token
	to, err := w.b.Desk.Start(w.t.Context(), w.actor, d)
	if err != nil {
		w.t.Fatal(err)
	}
	return to
}

// back returns from the consent page.
func (w *browser) back(from *url.URL) (connect.Result, error) {
	q := from.Query()
	result, err := w.b.Desk.Finish(w.t.Context(), w.actor, connect.Arrival{Platform: shippost.TikTok, State: q.Get("state"), Code: q.Get("code"),
		Error: q.Get("error"), ErrorType: q.Get("error_type"), Cookie: w.token, Network: "203.0.113.0/24", Browser: "Firefox", Request: "req_1"})
	if err == nil && result.Purpose != connect.Connect {
		w.refresh(result.Ticket)
	}
	return result, err
}

func (w *browser) refresh(ticket auth.Ticket) {
	w.t.Helper()
	var err error
	if w.actor, err = w.b.Auth.Authenticate(w.t.Context(), auth.Credentials{Cookie: ticket.Cookie}); err != nil {
		w.t.Fatal(err)
	}
}

// travel goes all the way as a creator.
func (w *browser) travel(d connect.Departure, creator string, scopes ...string) (connect.Result, error) {
	w.t.Helper()
	return w.back(w.b.Consent(w.t, w.leave(d), creator, "allow", scopes...))
}

func (w *browser) mustTravel(d connect.Departure, creator string, scopes ...string) connect.Result {
	w.t.Helper()
	result, err := w.travel(d, creator, scopes...)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

var (
	signIn = connect.Departure{Purpose: connect.SignIn}
	link   = connect.Departure{Purpose: connect.Connect}
)

func again(a shippost.Account) connect.Departure {
	return connect.Departure{Purpose: connect.Connect, Account: a.ID}
}

// access returns the access token that is kept for an account, zero for none.
func access(t *testing.T, b *connecttest.Bench, a shippost.Account) shippost.Secret {
	t.Helper()
	token, err := b.Vault.Access(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// journal returns the kinds of all entries of a workspace, oldest first.
func journal(t *testing.T, b *connecttest.Bench, ws shippost.WorkspaceID) string {
	t.Helper()
	var kinds []string
	storetest.View(t, b.DB, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: ws})
		for _, e := range entries {
			kinds = append([]string{string(e.Kind)}, kinds...)
		}
		return err
	})
	return strings.Join(kinds, " ")
}

func openID(t *testing.T, b *connecttest.Bench, handle string) string {
	t.Helper()
	for _, c := range b.Sim.Creators() {
		if c.Handle == handle {
			return c.OpenID
		}
	}
	t.Fatalf("no creator %s", handle)
	return ""
}

// P2: the first sign-in makes the user and connects that account.
func TestPromise_P02_FirstSignInMakesUserAndAccount(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	result := w.mustTravel(connect.Departure{Purpose: connect.SignIn, ReturnTo: "/library?x=1"}, mara)
	a := result.Account
	if result.ReturnTo != "/library?x=1" || a.Status != shippost.AccountActive || a.Subject != openID(t, b, mara) || a.Handle != mara ||
		a.Name != "Mara Lindqvist" || a.Epoch != 1 || a.AvatarURL == "" || len(result.Missing) != 0 {
		t.Errorf("result %+v", result)
	}
	if w.actor.Role != shippost.Owner || !w.actor.Fresh || w.actor.Workspace != a.Workspace {
		t.Errorf("actor %+v", w.actor)
	}
	user, ws, err := b.Auth.Me(t.Context(), w.actor)
	if err != nil || user.Name != "Mara Lindqvist" || ws.Name != "Mara Lindqvist" || ws.LateWindow <= 0 {
		t.Errorf("user %+v in %+v, %v", user, ws, err)
	}
	if access(t, b, a).IsZero() {
		t.Error("no grant is kept")
	}
	if got := journal(t, b, ws.ID); got != "user.signed_in account.connected" {
		t.Errorf("journal: %s", got)
	}
	storetest.View(t, b.DB, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryUserSignedIn}})
		if err != nil || len(entries) != 1 || entries[0].Data["policy"] != "2026-11-24" || entries[0].Actor.Network != "203.0.113.0/24" {
			t.Errorf("the accepted policy is not recorded: %+v, %v", entries, err)
		}
		return nil
	})
}

func TestSigningInAgainRenewsTheGrant(t *testing.T) {
	b := connecttest.New(t)
	first := open(t, b)
	before := first.mustTravel(signIn, mara).Account
	old := access(t, b, before)
	w := open(t, b)
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		known := before
		known.Handle = mara // learnt when a post was composed
		_, err := tx.SaveProfile(t.Context(), known)
		return err
	})
	after := w.mustTravel(signIn, mara).Account
	if w.actor.User != first.actor.User || w.actor.Workspace != first.actor.Workspace {
		t.Errorf("somebody else was signed in: %+v", w.actor)
	}
	if after.ID != before.ID || after.Epoch != before.Epoch || after.Status != shippost.AccountActive || after.Handle != mara {
		t.Errorf("account %+v, want %+v: what is on its way must not be stopped by a sign-in", after, before)
	}
	if now := access(t, b, after); now == old || now.IsZero() {
		t.Error("the old grant is still in use")
	}
	if got := journal(t, b, w.actor.Workspace); got != "user.signed_in account.connected user.signed_in" {
		t.Errorf("journal: %s", got)
	}
}

func TestSignInRepairsABrokenAccount(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		broken := account
		broken.Status, broken.StatusReason = shippost.AccountReconnect, "access_withdrawn"
		_, err := tx.SetAccountStatus(t.Context(), broken, account.Epoch)
		return err
	})
	after := open(t, b).mustTravel(signIn, mara).Account
	if after.ID != account.ID || after.Status != shippost.AccountActive || after.StatusReason != "" || after.Epoch != account.Epoch+1 {
		t.Errorf("account %+v", after)
	}
}

func TestInvitationOnly(t *testing.T) {
	b := connecttest.New(t, func(o *connect.Options) { o.OpenSignup = false })
	w := open(t, b)
	w.mustTravel(signIn, mara) // the first person of a server needs no invitation
	if _, err := open(t, b).travel(signIn, kiln); !shippost.IsCode(err, "sign_up_closed") {
		t.Errorf("a stranger: %v", err)
	}
	if b.Vault.Stored() != 1 {
		t.Errorf("%d grants stored, want the first person's", b.Vault.Stored())
	}
	if gone := b.Effects("authorization_removed"); len(gone) != 1 || gone[0].Creator != kiln {
		t.Errorf("the stranger's grant was not given back: %+v", gone)
	}
	storetest.View(t, b.DB, func(tx *store.Tx) error {
		if _, err := tx.IdentityBySubject(t.Context(), shippost.TikTok, openID(t, b, kiln)); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("the stranger left an identity: %v", err)
		}
		return nil
	})
	if _, err := open(t, b).travel(signIn, mara); err != nil {
		t.Errorf("a known person: %v", err)
	}
}

// A person who leaves as one and comes back as another, in the same browser, connects nothing for either.
func TestPersonChangedOnTheWay(t *testing.T) {
	b := connecttest.New(t)
	w, other := open(t, b), open(t, b)
	w.mustTravel(signIn, mara)
	other.mustTravel(signIn, kiln)
	for _, d := range []connect.Departure{link, {Purpose: connect.Confirm}} {
		for name, actor := range map[string]shippost.Actor{"somebody else": other.actor, "nobody": {}} {
			changed := &browser{t: t, b: b, token: w.token, actor: w.actor}
			from := b.Consent(t, changed.leave(d), juno, "allow")
			changed.actor = actor
			if _, err := changed.back(from); !shippost.IsCode(err, "person_changed") {
				t.Errorf("%s, %s: %v", d.Purpose, name, err)
			}
		}
	}
	if n := b.Vault.Stored(); n != 2 {
		t.Errorf("%d grants stored, want those of the two sign-ins", n)
	}
}

// mistaken is a TikTok that answers with somebody else's name.
type mistaken struct {
	platform.Platform
	platform.Authorizer
	platform.Revoker
}

func (mistaken) Identify(context.Context, shippost.Secret, []string) (platform.Identity, error) {
	return platform.Identity{Subject: "somebody-else", Name: "Somebody Else"}, nil
}

func TestGrantAndNameOfDifferentCreators(t *testing.T) {
	b := connecttest.New(t, func(o *connect.Options) {
		p := o.Platforms[shippost.TikTok]
		authorizer, _ := platform.Can[platform.Authorizer](p)
		revoker, _ := platform.Can[platform.Revoker](p)
		o.Platforms = map[shippost.PlatformName]platform.Platform{shippost.TikTok: mistaken{p, authorizer, revoker}}
	})
	if _, err := open(t, b).travel(signIn, mara); !shippost.IsCode(err, "identity_mismatch") {
		t.Errorf("sign-in: %v", err)
	}
	if gone := b.Effects("authorization_removed"); b.Vault.Stored() != 0 || len(gone) != 1 {
		t.Errorf("%d grants stored, given back: %+v", b.Vault.Stored(), gone)
	}
}

// S5: what went wrong is in the journal, for a flow that was ours, without what a stranger wrote.
func TestRefusalsAreRecorded(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	from := b.Consent(t, w.leave(signIn), mara, "deny")
	if _, err := w.back(from); !shippost.IsCode(err, "access_denied") {
		t.Fatal(err)
	}
	if _, err := w.back(from); !shippost.IsCode(err, "sign_in_used") {
		t.Fatal(err)
	}
	if _, err := w.back(must(url.Parse("/?state=unknown&code=x"))); !shippost.IsCode(err, "sign_in_unknown") {
		t.Fatal(err)
	}
	var reasons []any
	storetest.View(t, b.DB, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntrySignInRefused}})
		for _, e := range entries {
			reasons = append([]any{e.Data["reason"]}, reasons...)
			if e.Actor.Network != "203.0.113.0/24" || e.Actor.Request != "req_1" {
				t.Errorf("entry %+v", e)
			}
		}
		return err
	})
	if diff := cmp.Diff([]any{"access_denied", "sign_in_used"}, reasons); diff != "" {
		t.Errorf("recorded:\n%s", diff)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestConfirm(t *testing.T) {
	b := connecttest.New(t)
	other := open(t, b)
	other.mustTravel(signIn, kiln)
	w := open(t, b)
	w.mustTravel(signIn, mara)
	session := w.actor.Session
	b.Clock.Advance(time.Hour)
	w.actor.Fresh = false
	for _, creator := range []string{kiln, juno} {
		if _, err := w.travel(connect.Departure{Purpose: connect.Confirm}, creator); !shippost.IsCode(err, "other_person") {
			t.Errorf("confirmed as %s: %v", creator, err)
		}
	}
	w.mustTravel(connect.Departure{Purpose: connect.Confirm}, mara)
	if !w.actor.Fresh || w.actor.Session == session {
		t.Errorf("after the confirmation: %+v", w.actor)
	}
	list, err := b.Auth.Sessions(t.Context(), w.actor)
	if err != nil || len(list) != 1 {
		t.Errorf("sessions: %+v, %v; the former one ends", list, err)
	}
}

func TestDisabledUserStaysOut(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	w.mustTravel(signIn, mara)
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		_, err := tx.DisableUser(t.Context(), w.actor.User, b.Clock.Now())
		return err
	})
	if _, err := open(t, b).travel(signIn, mara); !shippost.IsCode(err, "user_disabled") {
		t.Errorf("a disabled user: %v", err)
	}
}

func TestPersonWithoutAWorkspaceStaysOut(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	w.mustTravel(signIn, mara)
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		_, err := tx.DeleteMember(t.Context(), w.actor.Workspace, w.actor.User)
		return err
	})
	if _, err := open(t, b).travel(signIn, mara); !shippost.IsCode(err, "no_workspace") {
		t.Errorf("somebody removed: %v", err)
	}
	if b.Vault.Stored() != 1 {
		t.Errorf("%d grants stored", b.Vault.Stored())
	}
}

func TestAuthorizeURL(t *testing.T) {
	for _, c := range []struct {
		public string
		pkce   bool
	}{{"http://localhost:8080", true}, {"https://posts.example", false}, {"https://posts.example/", false}} {
		b := connecttest.New(t, func(o *connect.Options) { o.PublicURL = c.public })
		to, err := url.Parse(open(t, b).leave(signIn))
		if err != nil {
			t.Fatal(err)
		}
		q := to.Query()
		if got, want := q.Get("redirect_uri"), strings.TrimSuffix(c.public, "/")+"/callback/tiktok"; got != want {
			t.Errorf("redirect %q, want %q", got, want)
		}
		if got := len(q.Get("code_challenge")) == 64 && q.Get("code_challenge_method") == "S256"; got != c.pkce {
			t.Errorf("%s: challenge %q", c.public, q.Get("code_challenge"))
		}
		if len(q.Get("state")) != 43 {
			t.Errorf("state %q does not hold 256 bits", q.Get("state"))
		}
		if q.Get("disable_auto_auth") != "0" {
			t.Error("a plain sign-in asks to see the consent page")
		}
	}
}

func TestFlowKeepsNoSecret(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	to, _ := url.Parse(w.leave(signIn))
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		flow, _, err := tx.UseOAuthFlow(t.Context(), auth.Hash(shippost.NewSecret(to.Query().Get("state"))), b.Clock.Now())
		if err != nil || flow.Verifier == "" || len(flow.Verifier) == 43 || flow.BrowserHash == w.token.Reveal() {
			t.Errorf("flow %+v, %v", flow, err)
		}
		return nil
	})
	b.Clock.Advance(25 * time.Hour)
	if err := b.Desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		if n, err := tx.SweepOAuthFlows(t.Context(), b.Clock.Now()); n != 0 || err != nil {
			t.Errorf("%d flows left, %v", n, err)
		}
		return nil
	})
}

func TestSignInsOfOneNetworkAreLimited(t *testing.T) {
	b := connecttest.New(t)
	d := connect.Departure{Purpose: connect.SignIn, Platform: shippost.TikTok, Browser: auth.NewToken(), Network: "198.51.100.0/24"}
	for range 30 {
		if _, err := b.Desk.Start(t.Context(), shippost.Actor{}, d); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Desk.Start(t.Context(), shippost.Actor{}, d); !shippost.IsKind(err, shippost.Wait) {
		t.Errorf("the 31st sign-in: %v", err)
	}
	d.Network = "203.0.113.0/24"
	if _, err := b.Desk.Start(t.Context(), shippost.Actor{}, d); err != nil {
		t.Errorf("another network: %v", err)
	}
}

// S7: a page of another site is never where a person ends up.
func TestLocalPath(t *testing.T) {
	for _, path := range []string{"/", "/library", "/posts?week=2026-11-23#today", "/a:b", "/a//b", "/@me"} {
		if got, err := connect.LocalPath(path); err != nil || got != path {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
	if got, err := connect.LocalPath(""); got != "/" || err != nil {
		t.Errorf("empty: %q, %v", got, err)
	}
	for _, path := range []string{"//evil.example", `/\evil.example`, `\\evil.example`, "https:evil.example", "https://evil.example", "javascript:alert(1)",
		"evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " /x", "/x\x00", "///evil.example", `/\/evil.example`, "/%", "/" + strings.Repeat("a", 1000)} {
		if got, err := connect.LocalPath(path); !shippost.IsCode(err, "invalid_return_path") {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}
