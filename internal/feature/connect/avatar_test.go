package connect_test

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/connect/connecttest"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// A picture is asked for at most once a day, under a fresh address, and trouble with it is no trouble for the account.
func TestAvatarsAreRenewedDaily(t *testing.T) {
	b := connecttest.New(t)
	owner := storetest.Workspace(t, b.DB)
	account := storetest.Account(t, b.DB, owner)
	set := func(address string) {
		t.Helper()
		storetest.Update(t, b.DB, func(tx *store.Tx) error {
			account.AvatarURL = address
			_, err := tx.SaveProfile(t.Context(), account)
			return err
		})
	}
	look := func() shippost.Account {
		t.Helper()
		if err := b.Desk.RenewAvatars(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := b.Desk.Account(t.Context(), owner, account.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, address := range []string{"", "https://evil.example/a.png", "http://169.254.169.254/latest", "file:///etc/passwd", "::", b.SimAt + "/healthz"} {
		set(address)
		if a := look(); a.Avatar != "" || a.Status != shippost.AccountActive {
			t.Errorf("%q: %+v", address, a)
		}
		b.Clock.Advance(25 * time.Hour)
	}
	if _, err := b.Desk.Avatar(t.Context(), owner, account.ID); !shippost.IsCode(err, "no_avatar") {
		t.Errorf("without a picture: %v", err)
	}
	set(avatarAt(t, b, "mara.moves"))
	first := look()
	if first.Avatar == "" || !first.AvatarAt.Equal(b.DB.Now()) {
		t.Fatalf("fetched: %+v", first)
	}
	picture, err := b.Desk.Avatar(t.Context(), owner, account.ID)
	if err != nil || len(picture) < 500 {
		t.Errorf("picture of %d bytes, %v", len(picture), err)
	}
	b.Clock.Advance(23 * time.Hour)
	if a := look(); !a.AvatarAt.Equal(first.AvatarAt) {
		t.Errorf("asked again after %s", a.AvatarAt.Sub(first.AvatarAt))
	}
	// The address has expired by now, and the account has no token to ask for another: the picture stays.
	b.Clock.Advance(2 * time.Hour)
	if a := look(); a.Avatar != first.Avatar || !a.AvatarAt.Equal(b.DB.Now()) {
		t.Errorf("with an expired address: %+v", a)
	}
	var changes int
	storetest.View(t, b.DB, func(tx *store.Tx) error {
		entries, err := tx.Journal(t.Context(), store.JournalQuery{Account: account.ID, Kinds: []shippost.EntryKind{shippost.EntryAccountChanged}})
		changes = len(entries)
		return err
	})
	if changes != 1 {
		t.Errorf("%d changes were recorded", changes)
	}
}

// avatarAt reads a signed address of a creator's picture from a page of the simulator.
func avatarAt(t *testing.T, b *connecttest.Bench, creator string) string {
	t.Helper()
	resp, err := http.Get(b.SimAt + "/@" + creator)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`src="([^"]*/avatar/[^"]+)"`).FindSubmatch(page)
	if found == nil {
		t.Fatalf("no picture in\n%s", page)
	}
	at := html.UnescapeString(string(found[1]))
	if strings.HasPrefix(at, "/") {
		at = b.SimAt + at
	}
	return at
}

// A picture that was on its way while its account was erased does not stay.
func TestAvatarsOfNobodyAreRemoved(t *testing.T) {
	b := connecttest.New(t)
	owner := storetest.Workspace(t, b.DB)
	stays, blanked := storetest.Account(t, b.DB, owner), storetest.Account(t, b.DB, owner)
	storetest.Update(t, b.DB, func(tx *store.Tx) error {
		_, err := tx.BlankOwned(t.Context(), "accounts", store.Claim{Column: "id"}, string(blanked.ID), map[string]string{"subject": ""}, "", 1)
		return err
	})
	gone := shippost.NewAccountID(b.DB.Now())
	for _, id := range []shippost.AccountID{stays.ID, blanked.ID, gone} {
		if _, err := b.Desk.Bucket.Put(t.Context(), "avatar/"+string(id), strings.NewReader("picture")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	for info, err := range b.Desk.Bucket.List(t.Context(), "avatar") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, info.Key)
	}
	if len(left) != 1 || left[0] != "avatar/"+string(stays.ID) {
		t.Errorf("left: %v", left)
	}
}
