package connect_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/platform/tiktoksim"
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
	if g, ok := b.Vault.Grant(a.ID); !ok || g.Subject != a.Subject || g.Refresh.IsZero() {
		t.Errorf("grant %+v, %v", g, ok)
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
	old, _ := b.Vault.Grant(before.ID)
	w := open(t, b)
	after := w.mustTravel(signIn, mara).Account
	if w.actor.User != first.actor.User || w.actor.Workspace != first.actor.Workspace {
		t.Errorf("somebody else was signed in: %+v", w.actor)
	}
	if after.ID != before.ID || after.Epoch != before.Epoch || after.Status != shippost.AccountActive {
		t.Errorf("account %+v, want %+v: what is on its way must not be stopped by a sign-in", after, before)
	}
	if g, _ := b.Vault.Grant(after.ID); g.Access == old.Access || g.Access.IsZero() {
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

// Connecting a creator's account must not let that creator in, and must not take an account from another workspace.
func TestConnectingIsNotSigningIn(t *testing.T) {
	b := connecttest.New(t)
	agency := open(t, b)
	agency.mustTravel(signIn, mara)
	client := agency.mustTravel(link, kiln)
	if client.Account.Workspace != agency.actor.Workspace || client.Account.Handle != kiln || client.Ticket.Cookie != (shippost.Secret{}) {
		t.Errorf("connected: %+v", client)
	}
	token, _ := b.Vault.Grant(client.Account.ID)

	if _, err := open(t, b).travel(signIn, kiln); !shippost.IsCode(err, "account_taken") {
		t.Errorf("the client signs in: %v", err)
	}
	other := open(t, b)
	other.mustTravel(signIn, juno)
	if _, err := other.travel(link, kiln); !shippost.IsCode(err, "account_taken") {
		t.Errorf("another workspace connects it: %v", err)
	}
	if _, err := other.travel(link, mara); !shippost.IsCode(err, "account_taken") {
		t.Errorf("another workspace connects the owner's: %v", err)
	}
	if g, ok := b.Vault.Grant(client.Account.ID); !ok || g.Access != token.Access {
		t.Error("the agency's grant was touched")
	}
	if gone := b.Effects("authorization_removed"); len(gone) != 0 {
		t.Errorf("a grant that the agency lives by was given back: %+v", gone)
	}
	if b.Vault.Stored() != 3 {
		t.Errorf("%d grants stored, want 3", b.Vault.Stored())
	}
}

func TestConnectNeedsAFreshOwner(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	editor, stale, program := w.actor, w.actor, w.actor
	editor.Role, stale.Fresh, program.Kind = shippost.Editor, false, shippost.ActorKey
	for _, c := range []struct {
		name  string
		actor shippost.Actor
		d     connect.Departure
		code  string
	}{
		{"nobody", shippost.Actor{}, link, "sign_in_required"},
		{"editor", editor, link, "not_allowed"},
		{"stale", stale, link, "step_up_required"},
		{"program", program, link, "person_required"},
		{"editor, the same again", editor, again(account), "not_allowed"},
		{"program, the same again", program, again(account), "person_required"},
		{"unknown account", w.actor, connect.Departure{Purpose: connect.Connect, Account: "acc_x"}, "account_not_found"},
		{"nobody confirms", shippost.Actor{}, connect.Departure{Purpose: connect.Confirm}, "sign_in_required"},
		{"no purpose", w.actor, connect.Departure{}, "unknown_purpose"},
	} {
		c.d.Platform, c.d.Browser = shippost.TikTok, w.token
		if _, err := b.Desk.Start(t.Context(), c.actor, c.d); !shippost.IsCode(err, c.code) {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	w.actor = stale
	if _, err := w.travel(again(account), mara); err != nil {
		t.Errorf("the same account again with a stale sign-in: %v", err)
	}
	// The role is asked for again on the way back.
	w.actor = stale
	way := w.leave(again(account))
	w.actor.Role = shippost.Viewer
	if _, err := w.back(b.Consent(t, way, mara, "allow")); !shippost.IsCode(err, "not_allowed") {
		t.Errorf("a role lost on the way: %v", err)
	}
}

func TestReconnectTakesTheSameAccountOnly(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	_, err := w.travel(again(account), kiln)
	if !shippost.IsCode(err, "other_account") || !strings.Contains(err.Error(), "@"+kiln) || !strings.Contains(err.Error(), "@"+mara) {
		t.Errorf("another account: %v", err)
	}
	if b.Vault.Stored() != 1 {
		t.Errorf("%d grants stored", b.Vault.Stored())
	}
	if gone := b.Effects("authorization_removed"); len(gone) != 1 || gone[0].Creator != kiln {
		t.Errorf("given back: %+v", gone)
	}
}

func TestMissingScopes(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	result := w.mustTravel(signIn, mara, "user.info.basic")
	a := result.Account
	if a.Status != shippost.AccountReconnect || a.StatusReason != "scope_missing" || strings.Join(result.Missing, " ") != "user.info.profile video.publish" || a.Handle != "" {
		t.Errorf("result %+v", result)
	}
	if w.actor.User == "" {
		t.Error("a person with a missing scope is not signed in")
	}
	after := w.mustTravel(again(a), mara)
	if after.Account.ID != a.ID || after.Account.Status != shippost.AccountActive || after.Account.Handle != mara || after.Account.Epoch != a.Epoch+1 {
		t.Errorf("after all is allowed: %+v", after.Account)
	}
	// Taking a permission back at a later sign-in counts.
	later := open(t, b).mustTravel(signIn, mara, "user.info.basic", "user.info.profile")
	if later.Account.Status != shippost.AccountReconnect || later.Account.StatusReason != "scope_missing" {
		t.Errorf("after posting was taken back: %+v", later.Account)
	}
	want := "user.signed_in account.connected account.needs_reconnect account.connected user.signed_in account.needs_reconnect"
	if got := journal(t, b, w.actor.Workspace); got != want {
		t.Errorf("journal: %s", got)
	}
}

func TestDisconnect(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	viewer, stranger := w.actor, storetest.Workspace(t, b.DB)
	viewer.Role = shippost.Editor
	if _, err := b.Desk.Disconnect(t.Context(), viewer, account.ID); !shippost.IsCode(err, "not_allowed") {
		t.Errorf("an editor: %v", err)
	}
	if _, err := b.Desk.Disconnect(t.Context(), stranger, account.ID); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
	parting, err := b.Desk.Disconnect(t.Context(), w.actor, account.ID)
	if err != nil || !parting.Revoked || parting.Account.Status != shippost.AccountDisconnected || parting.Account.Epoch != account.Epoch+1 || parting.Account.DisconnectedAt.IsZero() {
		t.Fatalf("%+v, %v", parting, err)
	}
	if ended := b.Posts.Ended(); len(ended) != 1 || ended[0].ID != account.ID || ended[0].Epoch != account.Epoch+1 {
		t.Errorf("posts of %+v were ended", ended)
	}
	if _, ok := b.Vault.Grant(account.ID); ok {
		t.Error("the grant is still kept")
	}
	if gone := b.Effects("authorization_removed"); len(gone) != 1 || gone[0].Creator != mara {
		t.Errorf("TikTok was not told: %+v", gone)
	}
	if again, err := b.Desk.Disconnect(t.Context(), w.actor, account.ID); err != nil || again.Account.Epoch != parting.Account.Epoch || len(b.Posts.Ended()) != 1 {
		t.Errorf("twice: %+v, %v", again, err)
	}
	// The identity still signs in, and a sign-in alone connects nothing.
	later := open(t, b)
	result := later.mustTravel(signIn, mara)
	if later.actor.User != w.actor.User || result.Account.ID != "" || b.Vault.Stored() != 1 {
		t.Errorf("a later sign-in: %+v", result)
	}
	if gone := b.Effects("authorization_removed"); len(gone) != 2 {
		t.Errorf("the grant of a mere sign-in was not given back: %+v", gone)
	}
	// Connecting on purpose revives the same account with its history.
	revived := later.mustTravel(link, mara).Account
	if revived.ID != account.ID || revived.Status != shippost.AccountActive || revived.Epoch != parting.Account.Epoch+1 || !revived.DisconnectedAt.IsZero() {
		t.Errorf("revived: %+v", revived)
	}
	want := "user.signed_in account.connected account.disconnected user.signed_in account.connected"
	if got := journal(t, b, w.actor.Workspace); got != want {
		t.Errorf("journal: %s", got)
	}
}

func TestDisconnectedAccountMayMoveToAnotherWorkspace(t *testing.T) {
	b := connecttest.New(t)
	first := open(t, b)
	account := first.mustTravel(signIn, mara).Account
	if _, err := b.Desk.Disconnect(t.Context(), first.actor, account.ID); err != nil {
		t.Fatal(err)
	}
	second := open(t, b)
	second.mustTravel(signIn, kiln)
	moved := second.mustTravel(link, mara).Account
	if moved.ID == account.ID || moved.Workspace != second.actor.Workspace {
		t.Errorf("moved: %+v", moved)
	}
	// Its former owner signs in as before, and cannot touch it.
	back := open(t, b)
	result := back.mustTravel(signIn, mara)
	if back.actor.Workspace != first.actor.Workspace || result.Account.ID != "" {
		t.Errorf("former owner: %+v", result)
	}
	if _, err := back.travel(again(account), mara); !shippost.IsCode(err, "account_taken") {
		t.Errorf("former owner takes it back: %v", err)
	}
}

func TestDisconnectWhileTikTokIsDown(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	if err := b.Sim.SetKnobs(func(k *tiktoksim.Knobs) {
		k.Faults = []tiktoksim.Fault{{Endpoint: "revoke", At: "before_effect", Do: "status", Status: 503, Times: -1}}
	}); err != nil {
		t.Fatal(err)
	}
	parting, err := b.Desk.Disconnect(t.Context(), w.actor, account.ID)
	if err != nil || parting.Revoked || parting.Account.Status != shippost.AccountDisconnected {
		t.Errorf("%+v, %v", parting, err)
	}
	if _, ok := b.Vault.Grant(account.ID); ok {
		t.Error("the grant is still kept")
	}
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
		if q.Get("disable_auto_auth") != "" {
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
