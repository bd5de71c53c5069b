package connect_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// Connecting a creator's account must not let that creator in, and must not take an account from another workspace.
func TestConnectingIsNotSigningIn(t *testing.T) {
	b := connecttest.New(t)
	agency := open(t, b)
	agency.mustTravel(signIn, mara)
	client := agency.mustTravel(link, kiln)
	if client.Account.Workspace != agency.actor.Workspace || client.Account.Name != "Quiet Kiln" || client.Ticket.Cookie != (shippost.Secret{}) {
		t.Errorf("connected: %+v", client)
	}
	token := access(t, b, client.Account)

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
	if access(t, b, client.Account) != token || token.IsZero() {
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
	if !shippost.IsCode(err, "other_account") || !strings.Contains(err.Error(), "@quiet.kiln") || !strings.Contains(err.Error(), "@mara.moves") {
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
	if a.Status != shippost.AccountReconnect || a.StatusReason != "scope_missing" || strings.Join(result.Missing, " ") != "video.publish" {
		t.Errorf("result %+v", result)
	}
	if w.actor.User == "" {
		t.Error("a person with a missing scope is not signed in")
	}
	after := w.mustTravel(again(a), mara)
	if after.Account.ID != a.ID || after.Account.Status != shippost.AccountActive || after.Account.Epoch != a.Epoch+1 {
		t.Errorf("after all is allowed: %+v", after.Account)
	}
	if ready := b.Posts.Ready(); len(ready) != 1 || ready[0].ID != a.ID || ready[0].Epoch != after.Account.Epoch {
		t.Errorf("posts of %+v were let go on; held ones would wait for nothing", ready)
	}
	// Taking a permission back at a later sign-in counts.
	later := open(t, b).mustTravel(signIn, mara, "user.info.basic")
	if later.Account.Status != shippost.AccountReconnect || later.Account.StatusReason != "scope_missing" {
		t.Errorf("after posting was taken back: %+v", later.Account)
	}
	if ready := b.Posts.Ready(); len(ready) != 1 {
		t.Errorf("posts of %+v were let go on without the right to post", ready)
	}
	want := "user.signed_in account.connected account.needs_reconnect account.connected user.signed_in account.needs_reconnect"
	if got := journal(t, b, w.actor.Workspace); got != want {
		t.Errorf("journal: %s", got)
	}
}

// drafting is a platform whose operator lets drafts go to inboxes.
type drafting struct{ platform.Platform }

func (d drafting) Unwrap() platform.Platform { return d.Platform }

func (d drafting) Describe() platform.Description {
	about := d.Platform.Describe()
	about.Scopes, about.DraftScope = append(about.Scopes, "video.upload"), "video.upload"
	return about
}

// TestDraftsAreAnOffer: a creator who does not want drafts in their inbox can post all the same.
func TestDraftsAreAnOffer(t *testing.T) {
	b := connecttest.New(t, func(o *connect.Options) {
		o.Platforms = map[shippost.PlatformName]platform.Platform{shippost.TikTok: drafting{o.Platforms[shippost.TikTok]}}
	})
	result := open(t, b).mustTravel(signIn, mara, "user.info.basic", "video.publish")
	if a := result.Account; a.Status != shippost.AccountActive || strings.Join(result.Missing, " ") != "video.upload" {
		t.Errorf("without drafts: %+v, missing %v", a, result.Missing)
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
	if !access(t, b, account).IsZero() {
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

// A crash between the two halves of a disconnection leaves a grant behind, which the next start gives back.
func TestFinishPartings(t *testing.T) {
	b := connecttest.New(t)
	w := open(t, b)
	account, other := w.mustTravel(signIn, mara).Account, w.mustTravel(link, kiln).Account
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		half := account
		half.Status, half.Epoch = shippost.AccountDisconnected, account.Epoch+1
		_, err := tx.SetAccountStatus(t.Context(), half, account.Epoch)
		return err
	})
	for range 2 {
		if err := b.Desk.FinishPartings(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !access(t, b, account).IsZero() || access(t, b, other).IsZero() {
			t.Error("the wrong grants are kept")
		}
		if gone := b.Effects("authorization_removed"); len(gone) != 1 || gone[0].Creator != mara {
			t.Errorf("given back: %+v", gone)
		}
	}
}

// P16, E2: a disconnection while TikTok is down ends our use of the account at once. TikTok is asked again until it answers, and
// then, or after seven days, our copy is gone.
func TestPromise_P16_DisconnectWhileTikTokIsDown(t *testing.T) {
	for name, c := range map[string]struct {
		down    time.Duration
		revoked int
	}{"three days": {3 * 24 * time.Hour, 1}, "for good": {8 * 24 * time.Hour, 0}} {
		t.Run(name, func(t *testing.T) {
			b := connecttest.New(t)
			w := open(t, b)
			account := w.mustTravel(signIn, mara).Account
			down := func(k *tiktoksim.Knobs) {
				k.Faults = []tiktoksim.Fault{{Endpoint: "revoke", At: "before_effect", Do: "status", Status: 503, Times: -1}}
			}
			if err := b.Sim.SetKnobs(down); err != nil {
				t.Fatal(err)
			}
			if parting, err := b.Desk.Disconnect(t.Context(), w.actor, account.ID); err != nil || parting.Revoked {
				t.Errorf("%+v, %v", parting, err)
			}
			kept := func() (n int) {
				storetest.View(t, b.DB, func(tx *store.Tx) error {
					list, err := tx.PartedWithGrant(t.Context())
					n = len(list)
					return err
				})
				return n
			}
			for range int(c.down / (6 * time.Hour)) {
				if !access(t, b, account).IsZero() {
					t.Fatal("somebody got the token of a disconnected account")
				}
				b.Clock.Advance(6 * time.Hour)
				if err := b.Desk.FinishPartings(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if c.revoked > 0 && kept() != 1 {
				t.Fatal("the grant was forgotten before TikTok could revoke it")
			}
			if err := b.Sim.SetKnobs(func(k *tiktoksim.Knobs) { k.Faults = nil }); err != nil {
				t.Fatal(err)
			}
			if err := b.Desk.FinishPartings(t.Context()); err != nil {
				t.Fatal(err)
			}
			if gone := b.Effects("authorization_removed"); len(gone) != c.revoked || kept() != 0 {
				t.Errorf("%d revocations, %d grants kept", len(gone), kept())
			}
		})
	}
}

// By a clock that may be wrong the seven days are not over: TikTok is asked again, and what it has to revoke is still known.
func TestDisconnectWhileTikTokIsDown_AheadOfTime(t *testing.T) {
	sure := false
	b := connecttest.New(t, func(o *connect.Options) { o.Sure = func(context.Context) bool { return sure } })
	w := open(t, b)
	account := w.mustTravel(signIn, mara).Account
	err := b.Sim.SetKnobs(func(k *tiktoksim.Knobs) {
		k.Faults = []tiktoksim.Fault{{Endpoint: "revoke", At: "before_effect", Do: "status", Status: 503, Times: -1}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Desk.Disconnect(t.Context(), w.actor, account.ID); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(8 * 24 * time.Hour)
	for _, sure = range []bool{false, true} {
		if err := b.Desk.FinishPartings(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.View(t, b.DB, func(tx *store.Tx) error {
			left, err := tx.PartedWithGrant(t.Context())
			if (len(left) == 1) == sure {
				t.Errorf("the clock is sure: %t, and %d grants are kept", sure, len(left))
			}
			return err
		})
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
	if !access(t, b, account).IsZero() {
		t.Error("the grant is still kept")
	}
}
