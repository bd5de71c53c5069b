package lifecycle_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// inbox is the desk of whoever runs the server, on a bench.
type inbox struct {
	*bench
	desk    *inquiry.Desk
	letters []notify.Letter
	admin   shippost.Actor
}

func openInbox(b *bench) *inbox {
	in := &inbox{bench: b, admin: shippost.Actor{Kind: shippost.ActorAdmin, Admin: shippost.NewAdminID(noon), Fresh: true}}
	in.desk = inquiry.New(inquiry.Options{DB: b.db, Data: b.keeper, PublicURL: "https://posts.example", Now: b.clock.Now, Log: slog.New(slog.DiscardHandler),
		Post: func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			in.letters = append(in.letters, l)
			return nil
		}})
	return in
}

// ask asks for something, signed in or with a zero actor as a stranger, from a network of its own.
func (in *inbox) ask(actor shippost.Actor, kind shippost.InquiryKind, mail string) inquiry.Asked {
	in.t.Helper()
	asked, err := in.desk.Ask(in.t.Context(), actor, inquiry.Draft{Kind: kind, Mail: mail, Message: "Please.", Network: string(shippost.NewInquiryID(noon))})
	if err != nil {
		in.t.Fatal(err)
	}
	return asked
}

// carry has a request carried out, and expects an error code or "" for none.
func (in *inbox) carry(asked inquiry.Asked, named shippost.UserID, code string) {
	in.t.Helper()
	err := in.desk.CarryOut(in.t.Context(), in.admin, asked.ID, named)
	if code == "" && err != nil || code != "" && !shippost.IsCode(err, code) {
		in.t.Errorf("carried out %s for %q: %v, want %q", asked.Kind, named, err, code)
	}
}

// proveByMail opens the link that a stranger was sent.
func (in *inbox) proveByMail(asked inquiry.Asked) {
	in.t.Helper()
	for _, l := range in.letters {
		if link, _ := l.Facts["Confirm"].(string); l.Inquiry == asked.ID && link != "" {
			if err := in.desk.ProveByMail(in.t.Context(), shippost.NewSecret(link[strings.LastIndexByte(link, '/')+1:])); err != nil {
				in.t.Fatal(err)
			}
			return
		}
	}
	in.t.Fatalf("no link was sent: %+v", in.letters)
}

func (in *inbox) carriedLetters() (list []notify.Letter) {
	for _, l := range in.letters {
		if l.Kind == shippost.LetterCarried {
			list = append(list, l)
		}
	}
	return list
}

// confirmed gives a person a mail address that they confirmed.
func (in *inbox) confirmed(actor shippost.Actor, mail string) {
	in.t.Helper()
	in.update(func(tx *store.Tx) error {
		return tx.SaveAddress(in.t.Context(), store.Address{User: actor.User, Mail: mail, LeaveHash: hash(mail), ConfirmedAt: in.db.Now()})
	})
}

// P18: whoever runs the server carries out a proven request to be deleted, and it is an erasure like any other: at once nothing goes out, for
// seven days the person can take it back, by mail or on the page of the request, and then nothing is left, not the request either.
func TestPromise_P18_TheOperatorCarriesOutAProvenErasure(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		in := openInbox(open(t, db, clock, t.TempDir()))
		ctx := t.Context()
		c := &canaries{}
		actor, neighbour := storetest.Workspace(t, db), storetest.Workspace(t, db)
		waiting, _ := inhabit(in.bench, c, actor)
		in.confirmed(actor, "ada@example.com")
		asked := in.ask(shippost.Actor{}, shippost.InquiryErasure, "Ada@example.com")

		in.carry(asked, actor.User, "proof_missing")
		in.proveByMail(asked)
		in.carry(asked, neighbour.User, "person_differs") // the address is another's
		stale := in.admin
		stale.Fresh = false
		for _, wrong := range []shippost.Actor{stale, actor, {}} {
			if err := in.desk.CarryOut(ctx, wrong, asked.ID, ""); !shippost.IsKind(err, shippost.Forbidden) {
				t.Errorf("carried out by %+v: %v", wrong, err)
			}
		}
		if got := in.status(waiting); got != shippost.PostQueued {
			t.Fatalf("what was refused stopped a post: %s", got)
		}
		seen, err := in.desk.Inquiry(ctx, in.admin, asked.ID)
		if err != nil || seen.Subject.ID != actor.User {
			t.Errorf("the operator sees %+v, %v", seen, err)
		}

		in.carry(asked, "", "")
		if got := in.status(waiting); got != shippost.PostFailed {
			t.Errorf("a post that waited is %s", got)
		}
		letters := in.carriedLetters()
		if len(letters) != 1 || letters[0].To != "ada@example.com" || letters[0].User != actor.User || !strings.HasPrefix(letters[0].Facts["Undo"].(string), "https://posts.example/erasure/") {
			t.Fatalf("letters %+v", letters)
		}
		noted := storetest.Entries(t, in.db, shippost.EntryInquiryCarried)
		if len(noted) != 1 || noted[0].Actor.Kind != shippost.ActorAdmin || noted[0].Data["admin"] != string(in.admin.Admin) {
			t.Errorf("the audit log says %+v", noted)
		}
		if begun := storetest.Entries(t, in.db, shippost.EntryErasureAsked); len(begun) != 2 || begun[0].Actor.Kind != shippost.ActorAdmin || begun[0].Data["admin"] != string(in.admin.Admin) {
			t.Errorf("the history says %+v", begun)
		}
		// Not twice, and not taken back by words.
		in.carry(asked, "", "inquiry_carried_out")
		if err := in.desk.Answer(ctx, in.admin, asked.ID, "No.", true); !shippost.IsCode(err, "inquiry_carried_out") {
			t.Errorf("refused meanwhile: %v", err)
		}
		if err := in.desk.Withdraw(ctx, shippost.Actor{}, asked.Token); !shippost.IsCode(err, "inquiry_carried_out") {
			t.Errorf("withdrawn meanwhile: %v", err)
		}
		second := in.ask(shippost.Actor{}, shippost.InquiryErasure, "ada+2@example.com")
		if err := in.desk.ProveByHand(ctx, in.admin, second.ID, "Called back"); err != nil {
			t.Fatal(err)
		}
		in.carry(second, actor.User, "user_leaves")

		// Taken back on the page of the request, and by nobody else.
		if err := in.keeper.Undo(ctx, second.Token); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("undone by another request's page: %v", err)
		}
		if err := in.keeper.Undo(ctx, asked.Token); err != nil {
			t.Fatal(err)
		}
		clock.Advance(8 * 24 * time.Hour)
		in.sweep()
		if found := c.in(storetest.Dump(t, db)); len(found) < 30 {
			t.Fatalf("only %d canaries are left after it was undone", len(found))
		}
		in.carry(asked, "", "inquiry_carried_out") // whoever changed their mind once is asked anew

		// The second request is carried out to the end, for the account that the operator vouches for.
		in.carry(second, "", "person_missing")
		in.carry(second, "usr_nobody", "person_unknown")
		in.carry(second, actor.User, "")
		if letters = in.carriedLetters(); len(letters) != 2 || letters[1].To != "ada@example.com" { // never to what was only typed
			t.Fatalf("letters %+v", letters)
		}
		if err := in.desk.Answer(ctx, in.admin, second.ID, "Begun.", false); err != nil {
			t.Fatal(err)
		}
		clock.Advance(7 * 24 * time.Hour)
		in.sweep()
		dump := storetest.Dump(t, db)
		if found := c.in(dump); len(found) > 0 {
			t.Errorf("rows still hold %v", found)
		}
		for _, text := range []string{"ada@example.com", "ada+2@example.com", string(actor.User)} {
			for line := range strings.SplitSeq(dump, "\n") {
				if strings.Contains(line, text) && !strings.HasPrefix(line, "river_job:") {
					t.Errorf("%s still stands in %.120s", text, line)
				}
			}
		}
		undo := letters[1].Facts["Undo"].(string)
		for _, token := range []shippost.Secret{second.Token, shippost.NewSecret(undo[strings.LastIndexByte(undo, '/')+1:])} {
			if p, err := in.keeper.Progress(ctx, token); err != nil || p.ErasedAt.IsZero() || p.Receipt["posts"] != 3 {
				t.Errorf("receipt %+v, %v", p, err)
			}
		}
		buried := slices.ContainsFunc(slices.Collect(maps.Keys(in.files())), func(name string) bool { return strings.HasPrefix(name, "files/tombstone/") })
		if !buried {
			t.Error("nothing says that a backup must not bring the person back")
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			_, err := tx.Workspace(ctx, neighbour.Workspace)
			return err
		})
	})
}

// What cannot be carried out is said, and nothing happens.
func TestRequestsThatAreNotCarriedOut(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		in := openInbox(open(t, db, clock, t.TempDir()))
		ctx := t.Context()
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		// A question, a request that is answered, one of somebody whose address nobody confirmed, or more than one did.
		in.carry(in.ask(actor, shippost.InquiryQuestion, ""), "", "nothing_to_carry_out")
		in.carry(in.ask(actor, shippost.InquiryCorrection, ""), "", "nothing_to_carry_out")
		done := in.ask(actor, shippost.InquiryErasure, "")
		if err := in.desk.Answer(ctx, in.admin, done.ID, "Do it in the settings.", true); err != nil {
			t.Fatal(err)
		}
		in.carry(done, "", "inquiry_closed")
		taken := in.ask(actor, shippost.InquiryErasure, "")
		if err := in.desk.Withdraw(ctx, actor, taken.Token); err != nil {
			t.Fatal(err)
		}
		in.carry(taken, "", "inquiry_closed")
		nobodys := in.ask(shippost.Actor{}, shippost.InquiryErasure, "ada@example.com")
		in.proveByMail(nobodys)
		in.carry(nobodys, "", "person_unknown")
		in.carry(nobodys, actor.User, "person_unknown") // an address that tells of no account lets nobody pick one
		in.confirmed(actor, "ada@example.com")
		in.confirmed(other, "ADA@example.com")
		in.carry(nobodys, "", "person_unknown")
		in.carry(in.ask(actor, shippost.InquiryErasure, ""), other.User, "person_differs")
		in.carry(inquiry.Asked{Inquiry: shippost.Inquiry{ID: "inq_none"}}, "", "inquiry_not_found")
		storetest.View(t, db, func(tx *store.Tx) error {
			open, err := tx.OpenErasures(ctx)
			if len(open) != 0 || len(storetest.Entries(t, in.db, shippost.EntryInquiryCarried)) != 0 || len(in.carriedLetters()) != 0 {
				t.Errorf("%+v were begun, %+v", open, in.letters)
			}
			return err
		})
	})
}

// P19: whoever runs the server has copies made for a proven request and never sees them: the person fetches them signed in, or where they
// cannot sign in on the page of their request.
func TestPromise_P19_TheOperatorHandsOverACopyUnseen(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		in := openInbox(open(t, db, clock, t.TempDir()))
		in.work()
		ctx := t.Context()
		owner := storetest.Workspace(t, db)
		ben := in.member(owner.Workspace, shippost.Editor)
		carol := in.member(owner.Workspace, shippost.Viewer)
		in.confirmed(carol, "carol@example.com")
		in.file(owner, "clip of the owner")
		for name, c := range map[string]struct {
			actor  shippost.Actor // who is signed in when they ask
			whose  shippost.Actor
			what   string
			onPage bool
		}{"signed in": {owner, owner, lifecycle.Workspace, false}, "vouched for": {shippost.Actor{}, ben, lifecycle.Person, true},
			// Whoever wrote need not be who reads the mail, and knows the page.
			"by mail": {shippost.Actor{}, carol, lifecycle.Person, false}} {
			asked := in.ask(c.actor, shippost.InquiryAccess, map[bool]string{true: "carol@example.com", false: "x@example.com"}[name == "by mail"])
			named := shippost.UserID("")
			switch {
			case name == "by mail":
				in.proveByMail(asked)
			case c.actor.Kind == "":
				if err := in.desk.ProveByHand(ctx, in.admin, asked.ID, "Showed a passport"); err != nil {
					t.Fatal(err)
				}
				named = c.whose.User
			}
			in.carry(asked, named, "")
			in.carry(asked, named, "inquiry_carried_out")
			page, err := in.desk.Read(ctx, asked.Token)
			if err != nil || len(page.Carried) != 1 {
				t.Fatalf("%s: %+v, %v", name, page, err)
			}
			id := page.Carried[0]
			in.until("the copy", func() bool {
				list, err := in.keeper.Exports(ctx, c.whose)
				return err == nil && len(list) == 1 && list[0].ID == id && list[0].What == c.what && list[0].Status == store.ExportReady
			})
			got, err := in.keeper.Fetch(ctx, c.whose, id)
			if err != nil {
				t.Fatalf("%s: the person's own: %v", name, err)
			}
			_ = got.Close()
			got, err = in.desk.Fetch(ctx, asked.Token, id)
			if (err == nil) != c.onPage || err != nil && !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("%s: on the page: %v", name, err)
			}
			if err == nil {
				_ = got.Close()
			}
			if _, err := in.desk.Fetch(ctx, asked.Token, "exp_other"); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("%s: another copy: %v", name, err)
			}
			if _, err := in.desk.Fetch(ctx, auth.NewToken(), id); !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("%s: by a stranger: %v", name, err)
			}
			if _, err := in.keeper.Fetch(ctx, in.admin, id); err == nil {
				t.Errorf("%s: an administrator read it", name)
			}
		}
		if fetched := storetest.Entries(t, in.db, shippost.EntryExportFetched); len(fetched) != 4 {
			t.Errorf("%d fetches are noted", len(fetched))
		}
		clock.Advance(7 * 24 * time.Hour)
		in.sweep()
		for name := range in.files() {
			if strings.HasPrefix(name, "files/export/") {
				t.Errorf("%s is still there", name)
			}
		}
	})
}

// P19: a copy can be removed before its time, by whom it was made for: nobody fetches it any more, and one that is still being made does not
// come to be.
func TestPromise_P19_ACopyCanBeRemovedBeforeItsTime(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		in := openInbox(open(t, db, clock, t.TempDir()))
		ctx := t.Context()
		owner, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		early, err := in.keeper.Export(ctx, owner, lifecycle.Person)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.keeper.RemoveExport(ctx, owner, early.ID); err != nil {
			t.Fatal(err)
		}
		in.work()
		asked, err := in.keeper.Export(ctx, owner, lifecycle.Workspace)
		if err != nil {
			t.Fatal(err)
		}
		in.until("the copy", func() bool {
			list, err := in.keeper.Exports(ctx, owner)
			return err == nil && slices.ContainsFunc(list, func(e lifecycle.Export) bool { return e.ID == asked.ID && e.Status == store.ExportReady })
		})
		program := owner
		program.Kind = shippost.ActorKey
		for _, wrong := range []shippost.Actor{stranger, in.member(owner.Workspace, shippost.Owner), program, {}} {
			if err := in.keeper.RemoveExport(ctx, wrong, asked.ID); err == nil {
				t.Errorf("removed by %+v", wrong)
			}
		}
		if err := in.keeper.RemoveExport(ctx, owner, "exp_none"); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("removed what is not there: %v", err)
		}
		for range 2 {
			if err := in.keeper.RemoveExport(ctx, owner, asked.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := in.keeper.Fetch(ctx, owner, asked.ID); !shippost.IsKind(err, shippost.Conflict) {
			t.Errorf("fetched afterwards: %v", err)
		}
		for name := range in.files() {
			if strings.HasPrefix(name, "files/export/") {
				t.Errorf("%s is still there", name)
			}
		}
		if noted := storetest.Entries(t, in.db, shippost.EntryExportRemoved); len(noted) != 2 {
			t.Errorf("%d removals are noted", len(noted))
		}
	})
}
