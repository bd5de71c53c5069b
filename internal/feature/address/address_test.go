package address_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// post is a book with a person, and a real mail server behind a real outbox.
type post struct {
	*address.Book
	t       *testing.T
	db      *store.DB
	clock   *storetest.Clock
	server  *mailtest.Server
	ada     shippost.Actor
	account shippost.Account
	read    int // mails
}

func each(t *testing.T, test func(p *post)) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		p := &post{t: t, db: db, clock: clock, server: mailtest.Start(t, mailtest.Options{}), ada: storetest.Workspace(t, db)}
		p.account = storetest.Account(t, db, p.ada)
		clients, err := outbound.New(outbound.Policy{Services: []string{p.server.Addr()}})
		must(t, err)
		sealer, err := seal.CreateOrLoad(t.Context(), filepath.Join(t.TempDir(), "keys"))
		must(t, err)
		there, err := mail.New(mail.Options{Host: p.server.Host, Port: p.server.Port, User: mailtest.User, Password: shippost.NewSecret(mailtest.Password),
			From: "ShipPost <posts@posts.example>", Name: "posts.example", Dial: clients.Dial, Roots: p.server.Roots})
		must(t, err)
		registry := jobs.NewRegistry()
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		queue, err := jobs.Open(t.Context(), db, jobs.Options{Registry: registry, Queues: map[string]int{notify.Queue: 2}, Poll: 20 * time.Millisecond, Log: log})
		must(t, err)
		outbox := notify.New(notify.Options{DB: db, Sealer: sealer, Jobs: queue, Server: there, PublicURL: "https://posts.example", Now: clock.Now, Log: log})
		outbox.Work(registry)
		must(t, queue.Start(t.Context()))
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = queue.Stop(ctx)
		})
		p.Book = address.New(address.Options{DB: db, Sealer: sealer, Post: outbox.Post, PublicURL: "https://posts.example", Now: clock.Now, Log: log})
		test(p)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// next waits for the next mail and returns whom it went to, what it says, and its headers.
func (p *post) next() (to, text string, header map[string][]string) {
	p.t.Helper()
	got := p.server.Wait(p.t, p.read+1)[p.read]
	p.read++
	raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(got.Raw)))
	must(p.t, err)
	return got.To, string(raw), got.Message(p.t).Header
}

var link = regexp.MustCompile(`https://posts\.example/mail-(confirm|off)/([A-Za-z0-9_-]{43})`)

// token returns what the first link of a kind ends with.
func token(t *testing.T, text, kind string) shippost.Secret {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if m[1] == kind {
			return shippost.NewSecret(m[2])
		}
	}
	t.Fatalf("no link %s in\n%s", kind, text)
	return shippost.Secret{}
}

// confirmed gives the person a confirmed address.
func (p *post) confirmed(who shippost.Actor, to string) {
	p.t.Helper()
	_, err := p.Ask(p.t.Context(), who, to)
	must(p.t, err)
	_, text, _ := p.next()
	must(p.t, p.Confirm(p.t.Context(), token(p.t, text, "confirm")))
}

func (p *post) state() address.State {
	p.t.Helper()
	s, err := p.State(p.t.Context(), p.ada)
	must(p.t, err)
	return s
}

// happens writes a post with an end, and its entry.
func (p *post) happens(kind shippost.EntryKind, status shippost.PostStatus, why string) shippost.PostID {
	p.t.Helper()
	due, err := shippost.DueAt(noon.Add(time.Hour), "Europe/Zurich")
	must(p.t, err)
	x := shippost.Post{ID: shippost.NewPostID(p.clock.Now()), Workspace: p.ada.Workspace, Account: p.account.ID, Status: status, Caption: "canary caption", Due: due, Version: 1, CreatedBy: p.ada.User,
		CreatedAt: noon, UpdatedAt: noon}
	if why != "" {
		x.Failure = &shippost.Failure{Code: "x", Message: why}
	}
	storetest.Update(p.t, p.db, func(tx *store.Tx) error {
		if err := tx.InsertPost(p.t.Context(), &x); err != nil {
			return err
		}
		return tx.Record(p.t.Context(), shippost.Entry{Workspace: x.Workspace, Kind: kind, Account: x.Account, Post: x.ID, Actor: shippost.System(x.Workspace)})
	})
	return x.ID
}

// tell has passed what is gathered.
func (p *post) tell() {
	p.t.Helper()
	p.clock.Advance(time.Minute)
	must(p.t, p.Tell(p.t.Context()))
}

// waiting is how many things are to be told.
func (p *post) waiting() (n int) {
	p.t.Helper()
	must(p.t, p.db.SQL().QueryRowContext(p.t.Context(), "SELECT count(*) FROM tidings").Scan(&n))
	return n
}

// P9: an address counts once whoever reads there has confirmed it: by a link that works once and for a day. Until then an earlier
// one stays.
func TestPromise_P09_AnAddressIsConfirmedByWhoReadsThere(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		if s := p.state(); !s.SendsMail || s.Mail != "" || s.Pending != "" || !s.Trouble || s.Posted {
			p.t.Errorf("at first: %+v", s)
		}
		s, err := p.Ask(ctx, p.ada, " ada@example.com ")
		if err != nil || s.Pending != "ada@example.com" || s.Mail != "" || !s.PendingUntil.Equal(noon.Add(24*time.Hour)) {
			p.t.Fatalf("%+v, %v", s, err)
		}
		to, text, header := p.next()
		code := token(p.t, text, "confirm")
		if to != "ada@example.com" || header["List-Unsubscribe-Post"] == nil || strings.Contains(storetest.Dump(p.t, p.db), code.Reveal()) {
			p.t.Errorf("to %s: %v", to, header)
		}
		if err := p.Confirm(ctx, shippost.NewSecret("wrong")); !shippost.IsCode(err, "link_over") {
			p.t.Errorf("a wrong code: %v", err)
		}
		must(p.t, p.Confirm(ctx, code))
		if err := p.Confirm(ctx, code); !shippost.IsCode(err, "link_over") {
			p.t.Errorf("twice: %v", err)
		}
		if s := p.state(); s.Mail != "ada@example.com" || s.Pending != "" {
			p.t.Errorf("confirmed: %+v", s)
		}
		// Another one: the first stays until it is confirmed, and too late is too late.
		_, err = p.Ask(ctx, p.ada, "ada@bücher.example")
		must(p.t, err)
		to, text, _ = p.next()
		p.clock.Advance(24 * time.Hour)
		if err := p.Confirm(ctx, token(p.t, text, "confirm")); to != "ada@xn--bcher-kva.example" || !shippost.IsCode(err, "link_over") {
			p.t.Errorf("to %s, a day later: %v", to, err)
		}
		must(p.t, p.Sweep(ctx))
		if s := p.state(); s.Mail != "ada@example.com" || s.Pending != "" {
			p.t.Errorf("after the sweep: %+v", s)
		}
		must(p.t, p.Remove(ctx, p.ada))
		must(p.t, p.Remove(ctx, p.ada))
		if dump := storetest.Dump(p.t, p.db); strings.Contains(dump, "ada@") {
			p.t.Errorf("after it was removed the database knows the address:\n%s", dump)
		}
	})
}

// What is no plain address is refused in words, whatever it tries; a program may not ask; and nobody can have many mails sent.
func TestHostileAddresses(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		for _, text := range []string{"", "@", "ada", "ada@", "@example.com", "ada@example", "ada@exa mple.com", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\nX: y",
			"Ada <ada@example.com>", "ada@example.com, eve@example.com", "ada@example.com;eve@example.com", "\"ada b\"@example.com", "ada@[127.0.0.1]", "ada@example.com\x00", "ada\u202e@example.com",
			"ädä@example.com", "ada@exa\u200bmple.com", "ada@-.com", "ada@ex_ample..com", strings.Repeat("a", 300) + "@example.com", "ada@" + strings.Repeat("b.", 200) + "com", "ada@\xff.com", "ada@localhost", "ada%victim.example@relay.example", "relay.example!ada@example.com"} {
			_, err := p.Ask(ctx, p.ada, text)
			if e := shippost.AsError(err); err == nil || e.Kind != shippost.Invalid || e.Field != "address" || e.Message == "" || strings.Contains(e.Message, "eve") {
				p.t.Errorf("%q: %v", text, err)
			}
		}
		if p.server.Tries() != 0 || p.state().Pending != "" {
			p.t.Error("one of them was taken")
		}
		program := p.ada
		program.Kind = shippost.ActorKey
		_, ask := p.Ask(ctx, program, "ada@example.com")
		_, look := p.State(ctx, program)
		for _, err := range []error{ask, look, p.Remove(ctx, program)} {
			if !shippost.IsCode(err, "person_required") {
				p.t.Errorf("a program: %v", err)
			}
		}
		for i := range 6 {
			_, err := p.Ask(ctx, p.ada, fmt.Sprintf("ada%d@example.com", i))
			if i < 5 {
				must(p.t, err)
			} else if !shippost.IsCode(err, "too_many_links") || shippost.AsError(err).RetryAfter <= 0 {
				p.t.Errorf("the sixth in an hour: %v", err)
			}
		}
		p.server.Wait(p.t, 1) // of those that were asked again one after the other, only the last has to come
		// Removing it and asking anew does not help, nor do many people with one victim.
		must(p.t, p.Remove(ctx, p.ada))
		if _, err := p.Ask(ctx, p.ada, "ada@example.com"); !shippost.IsCode(err, "too_many_links") {
			p.t.Errorf("after removing: %v", err)
		}
		for i := range 4 {
			_, err := p.Ask(ctx, storetest.Workspace(p.t, p.db), "Victim@example.com")
			if i < 3 {
				must(p.t, err)
			} else if !shippost.IsCode(err, "too_many_links") {
				p.t.Errorf("the fourth for one address: %v", err)
			}
		}
		silent := address.New(address.Options{DB: p.db, Sealer: p.Sealer, PublicURL: p.PublicURL, Now: p.clock.Now, Log: p.Log})
		if _, err := silent.Ask(ctx, p.ada, "ada@example.com"); !shippost.IsCode(err, "mail_not_set_up") {
			p.t.Errorf("without a mail server: %v", err)
		}
	})
}

// P9: who wants it is told by mail what became of posts: once each, what happens together in one mail, nothing that is over by then,
// in words, without the caption; posts that went out only where that was chosen.
func TestPromise_P09_WhatBecameOfPostsIsMailedOnce(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "Too early to be told.")
		p.confirmed(p.ada, "ada@example.com")
		stranger := storetest.Workspace(p.t, p.db)
		p.confirmed(stranger, "eve@example.com")
		failed := p.happens(shippost.EntryPostFailed, shippost.PostFailed, "TikTok did not accept\r\nBcc: x the video.")
		p.happens(shippost.EntryPostPosted, shippost.PostPosted, "")
		must(p.t, p.Tell(ctx))
		if p.server.Tries() != p.read {
			p.t.Error("it was told at once: what happens next would be a mail of its own")
		}
		p.tell()
		must(p.t, p.Tell(ctx))
		to, text, header := p.next()
		for _, want := range []string{"TikTok did not accept Bcc: x the video.", "https://posts.example/posts/" + string(failed), "Thursday 26 November 2026, 14:00 (Europe/Zurich)", "https://posts.example/settings/mail"} {
			if !strings.Contains(text, want) {
				p.t.Errorf("the mail lacks %q:\n%s", want, text)
			}
		}
		leave := "https://posts.example/mail-off/" + token(p.t, text, "off").Reveal()
		if to != "ada@example.com" || strings.Contains(text, "canary") || strings.Contains(text, "Posted to") || header["Bcc"] != nil || header["List-Unsubscribe"][0] != "<"+leave+">" ||
			header["List-Unsubscribe-Post"][0] != "List-Unsubscribe=One-Click" || !strings.HasSuffix(header["Subject"][0], " failed") {
			p.t.Errorf("to %s: %v\n%s", to, header, text)
		}
		// Many at once are one mail, and one that was tried again meanwhile is not in it.
		_, err := p.Choose(ctx, p.ada, true, true)
		must(p.t, err)
		for range 25 {
			p.happens(shippost.EntryPostMissed, shippost.PostMissed, "")
		}
		p.happens(shippost.EntryPostPosted, shippost.PostPosted, "")
		over := p.happens(shippost.EntryPostFailed, shippost.PostQueued, "")
		p.tell()
		_, text, header = p.next()
		if header["Subject"][0] != "News of 26 posts" || strings.Count(text, "https://posts.example/posts/post_") < 20 || !strings.Contains(text, "And 6 more.") || strings.Contains(text, string(over)) {
			p.t.Errorf("%v\n%s", header, text)
		}
		// Whoever has much trouble gets a mail every few minutes at most, and then all of it.
		for range 15 {
			p.happens(shippost.EntryPostMissed, shippost.PostMissed, "")
			p.tell()
		}
		if n := p.waiting(); n == 0 || n > 5 {
			p.t.Errorf("%d wait", n)
		}
		p.server.Wait(p.t, p.read+10)
		p.clock.Advance(time.Hour)
		p.tell()
		p.server.Wait(p.t, p.read+11)
		if p.waiting() != 0 || len(p.server.Box()) != p.read+11 {
			p.t.Errorf("%d wait, %d mails", p.waiting(), len(p.server.Box()))
		}
		for _, m := range p.server.Box() {
			if m.To == "eve@example.com" && !strings.Contains(m.Raw, "mail-confirm") {
				p.t.Errorf("a stranger was told:\n%s", m.Raw)
			}
		}
	})
}

// The link in a mail ends it without a sign-in, at once and again; a link of an earlier address has no say about the present one, and
// whoever is asked about an address that is not theirs cannot touch the confirmed one.
func TestMailEndsByItsLink(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.confirmed(p.ada, "ada@example.com")
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		p.tell()
		_, text, _ := p.next()
		first := token(p.t, text, "off")
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		if k, err := p.Look(ctx, first); err != nil || k.Mail != "a•••@example.com" || k.Silent {
			p.t.Errorf("%+v, %v", k, err)
		}
		for range 2 {
			must(p.t, p.Leave(ctx, first, false))
		}
		if s := p.state(); s.Mail != "ada@example.com" || s.Trouble || s.Posted || p.waiting() != 0 {
			p.t.Errorf("%+v, %d wait", s, p.waiting())
		}
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		if p.waiting() != 0 {
			p.t.Error("it is told all the same")
		}
		// A stranger is asked whether the next address is theirs.
		_, err := p.Ask(ctx, p.ada, "eve@example.com")
		must(p.t, err)
		_, text, _ = p.next()
		must(p.t, p.Leave(ctx, token(p.t, text, "off"), true))
		if s := p.state(); s.Mail != "ada@example.com" || s.Pending != "" {
			p.t.Errorf("after the stranger refused: %+v", s)
		}
		if err := p.Confirm(ctx, token(p.t, text, "confirm")); !shippost.IsCode(err, "link_over") {
			p.t.Errorf("refused and confirmed: %v", err)
		}
		p.confirmed(p.ada, "lovelace@example.com")
		must(p.t, p.Leave(ctx, first, true))
		if s := p.state(); s.Mail != "lovelace@example.com" {
			p.t.Errorf("a link of the earlier address ended the present one: %+v", s)
		}
		storetest.View(p.t, p.db, func(tx *store.Tx) error {
			readers, err := p.Readers(ctx, tx)
			if len(readers) != 1 || readers[0].To != "lovelace@example.com" || !strings.HasSuffix(readers[0].Leave, "?all") {
				p.t.Errorf("%+v", readers)
			}
			first = token(p.t, readers[0].Leave, "off")
			return err
		})
		for range 2 {
			must(p.t, p.Leave(ctx, first, true))
		}
		if _, err := p.Look(ctx, first); !shippost.IsCode(err, "mail_ended") || p.state().Mail != "" {
			p.t.Errorf("%v, %+v", err, p.state())
		}
	})
}

// P18: whoever is kept out or erased is told nothing more, and nothing of the address is left.
func TestPromise_P18_AnAddressGoesWithItsPerson(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.confirmed(p.ada, "ada@example.com")
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		storetest.Update(p.t, p.db, func(tx *store.Tx) error { _, err := tx.DisableUser(ctx, p.ada.User, noon); return err })
		p.tell()
		storetest.View(p.t, p.db, func(tx *store.Tx) error {
			readers, err := p.Readers(ctx, tx)
			if len(readers) != 0 {
				p.t.Errorf("%+v", readers)
			}
			return err
		})
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		for _, table := range lifecycle.Tables { // as an erasure does, in its order
			if table.Person.Fate == lifecycle.Deleted && (table.Name == "letters" || table.Name == "addresses" || table.Name == "tidings") {
				storetest.Update(p.t, p.db, func(tx *store.Tx) error {
					n, err := tx.DeleteOwned(ctx, table.Name, table.Person.Claim, string(p.ada.User), 10)
					if n == 0 {
						p.t.Errorf("nothing of %s", table.Name)
					}
					return err
				})
			}
		}
		if dump := storetest.Dump(p.t, p.db); len(p.server.Box()) != p.read || strings.Contains(dump, "ada@") || strings.Contains(dump, "addresses:") {
			p.t.Errorf("%d mails; left:\n%s", len(p.server.Box()), dump)
		}
	})
}
