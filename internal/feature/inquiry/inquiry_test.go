package inquiry_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const day = 24 * time.Hour

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// office is a desk with its log and the letters it wants to have sent.
type office struct {
	*inquiry.Desk
	t       *testing.T
	db      *store.DB
	log     bytes.Buffer
	letters []notify.Letter
	admin   shippost.Actor
}

func newOffice(t *testing.T, db *store.DB, clock *storetest.Clock, mails bool) *office {
	o := &office{t: t, db: db, admin: shippost.Actor{Kind: shippost.ActorAdmin, Admin: shippost.NewAdminID(noon), Fresh: true}}
	options := inquiry.Options{DB: db, PublicURL: "https://posts.example", Operator: "privacy@posts.example", Now: clock.Now, Log: slog.New(slog.NewTextHandler(&o.log, nil))}
	if mails {
		options.Post = func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			if !slices.ContainsFunc(o.letters, func(was notify.Letter) bool { return was.Once == l.Once }) {
				o.letters = append(o.letters, l)
			}
			return nil
		}
	}
	o.Desk = inquiry.New(options)
	return o
}

func (o *office) ask(actor shippost.Actor, draft inquiry.Draft) inquiry.Asked {
	o.t.Helper()
	asked, err := o.Ask(o.t.Context(), actor, draft)
	if err != nil {
		o.t.Fatal(err)
	}
	return asked
}

func (o *office) sweep() {
	o.t.Helper()
	if err := o.Sweep(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

var draft = inquiry.Draft{Kind: shippost.InquiryAccess, Name: "Ada", Mail: "ada@example.com", Message: "What do you know about me?", Network: "203.0.113.0/24"}

// P21: what comes in has 30 days. The operator is reminded 10 and 3 days before, when the time is over and each day after it,
// each time once however often the sweep runs, and no more once it is answered.
func TestPromise_P21_ThirtyDaysAndRemindersBefore(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := newOffice(t, db, clock, true)
		asked := o.ask(shippost.Actor{}, draft)
		if asked.DueAt != noon.Add(30*day) || asked.Status != shippost.InquiryOpen {
			t.Fatalf("%+v", asked.Inquiry)
		}
		told := func() int { return len(storetest.Entries(t, o.db, shippost.EntryInquiryReminded)) }
		for _, c := range []struct {
			after   time.Duration
			told    int
			overdue bool
		}{
			{0, 0, false}, {20*day - time.Second, 0, false}, {20 * day, 1, false}, {27*day - time.Second, 1, false}, {27 * day, 2, false},
			{30*day - time.Second, 2, false}, {30 * day, 3, true}, {31 * day, 4, true}, {32 * day, 5, true},
		} {
			clock.Advance(noon.Add(c.after).Sub(clock.Now()))
			o.sweep()
			o.sweep()
			i, err := o.Read(t.Context(), asked.Token)
			if err != nil || told() != c.told || i.Overdue(clock.Now()) != c.overdue {
				t.Errorf("after %s: told %d times, want %d; overdue %v, %v", c.after, told(), c.told, i.Overdue(clock.Now()), err)
			}
		}
		var reminders []notify.Letter
		for _, l := range o.letters {
			if l.Kind == shippost.LetterDue {
				reminders = append(reminders, l)
			}
		}
		if len(reminders) != 5 || reminders[0].To != "privacy@posts.example" || reminders[1].Facts["Overdue"] != false || reminders[2].Facts["Overdue"] != true || reminders[0].Inquiry != asked.ID {
			t.Errorf("letters %+v", reminders)
		}
		log := o.log.String()
		if strings.Count(log, "level=WARN") != 2 || strings.Count(log, "level=ERROR") != 3 || strings.Contains(log, "ada@") || strings.Contains(log, "What do you") {
			t.Errorf("log %s", log)
		}
		if err := o.ProveByHand(t.Context(), o.admin, asked.ID, "Wrote from the address we know"); err != nil {
			t.Fatal(err)
		}
		if err := o.Answer(t.Context(), o.admin, asked.ID, "This is all.", false); err != nil {
			t.Fatal(err)
		}
		clock.Advance(90 * day)
		o.sweep()
		if told() != 5 {
			t.Errorf("reminded of what was answered")
		}
		// A year later nobody remembers what was asked.
		clock.Advance(300 * day)
		o.sweep()
		if _, err := o.Read(t.Context(), asked.Token); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("after more than a year: %v", err)
		}
	})
}

// A server that stood still for weeks says once what it missed.
func TestPromise_P21_OneReminderForAllThatWereMissed(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := newOffice(t, db, clock, false)
		o.ask(shippost.Actor{}, draft)
		clock.Advance(33 * day)
		o.sweep()
		if list := storetest.Entries(t, o.db, shippost.EntryInquiryReminded); len(list) != 1 || list[0].Data["overdue"] != true {
			t.Errorf("%+v", list)
		}
	})
}

// P21: what concerns somebody's data is carried out only for whoever proved to be that person; a question needs no proof.
func TestPromise_P21_OnlyForWhoeverItIsAbout(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := newOffice(t, db, clock, true)
		ctx := t.Context()
		for _, kind := range shippost.InquiryKinds {
			d := draft
			d.Kind, d.Network = kind, string(kind)
			asked := o.ask(shippost.Actor{}, d)
			err := o.Answer(ctx, o.admin, asked.ID, "Done.", false)
			if kind == shippost.InquiryQuestion && err != nil || kind != shippost.InquiryQuestion && !shippost.IsCode(err, "proof_missing") {
				t.Errorf("%s without proof: %v", kind, err)
			}
			if kind != shippost.InquiryQuestion {
				if err := o.Answer(ctx, o.admin, asked.ID, "You are not this person.", true); err != nil {
					t.Errorf("%s refused: %v", kind, err)
				}
			}
			if err := o.Answer(ctx, o.admin, asked.ID, "Again.", true); !shippost.IsCode(err, "inquiry_closed") {
				t.Errorf("%s answered twice: %v", kind, err)
			}
		}
		// By mail: the code of the letter works once, and the page's own address is no proof.
		d := draft
		d.Network, d.Mail = "198.51.100.0/24", "lovelace@example.com"
		asked := o.ask(shippost.Actor{}, d)
		letter := o.letters[len(o.letters)-1]
		confirm, _ := letter.Facts["Confirm"].(string)
		code, found := strings.CutPrefix(confirm, "https://posts.example/contact-confirm/")
		if !found || letter.Kind != shippost.LetterReceived || letter.To != d.Mail || code == asked.Token.Reveal() {
			t.Fatalf("letter %+v", letter)
		}
		if err := o.ProveByMail(ctx, asked.Token); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("by the page's address: %v", err)
		}
		if err := o.ProveByMail(ctx, shippost.NewSecret(code)); err != nil {
			t.Fatal(err)
		}
		if err := o.ProveByMail(ctx, shippost.NewSecret(code)); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("a second time: %v", err)
		}
		// By signing in later. Nobody else takes it over then.
		ada, eve := storetest.Workspace(t, db), storetest.Workspace(t, db)
		second := o.ask(shippost.Actor{}, d)
		if err := o.ProveBySignIn(ctx, shippost.Actor{}, second.Token); !shippost.IsKind(err, shippost.Unauthenticated) {
			t.Errorf("signed out: %v", err)
		}
		if err := o.ProveBySignIn(ctx, ada, second.Token); err != nil {
			t.Fatal(err)
		}
		if err := o.ProveBySignIn(ctx, eve, second.Token); !shippost.IsCode(err, "inquiry_settled") {
			t.Errorf("taken over: %v", err)
		}
		if i, _ := o.Read(ctx, second.Token); i.User != ada.User || i.Proof != shippost.ProofSignIn {
			t.Errorf("%+v", i)
		}
		if err := o.Answer(ctx, o.admin, second.ID, "Here it is.", false); err != nil {
			t.Fatal(err)
		}
		// What concerns somebody's data goes only to an address that was confirmed: the second one never was.
		if l := o.letters[len(o.letters)-1]; l.To != d.Mail || l.Kind != shippost.LetterAnswered || l.Facts["Answer"] != "" || l.Facts["Withheld"] != true {
			t.Errorf("the letter to an address that nobody confirmed: %+v", l)
		}
		if err := o.Answer(ctx, o.admin, asked.ID, "Here it is.", false); err != nil {
			t.Fatal(err)
		}
		if l := o.letters[len(o.letters)-1]; l.To != d.Mail || l.Facts["Answer"] != "Here it is." || l.Facts["Withheld"] != false || l.Inquiry != asked.ID {
			t.Errorf("the answer's letter: %+v", l)
		}
		// Signed in from the start nothing more is asked.
		third := o.ask(ada, inquiry.Draft{Kind: shippost.InquiryErasure, Message: "Delete me.", Network: "x"})
		if third.Proof != shippost.ProofSignIn || third.Name != "Ada" || third.Mail != "" {
			t.Errorf("%+v", third.Inquiry)
		}
		// The inbox is the administrators' alone.
		for _, actor := range []shippost.Actor{{}, ada, shippost.System(ada.Workspace), {Kind: shippost.ActorAdmin}} {
			_, _, err := o.Open(ctx, actor)
			_, err2 := o.Inquiry(ctx, actor, third.ID)
			if !shippost.IsKind(err, shippost.Forbidden) || !shippost.IsKind(err2, shippost.Forbidden) ||
				!shippost.IsKind(o.Answer(ctx, actor, third.ID, "x", true), shippost.Forbidden) || !shippost.IsKind(o.ProveByHand(ctx, actor, third.ID, "x"), shippost.Forbidden) {
				t.Errorf("%+v got in", actor)
			}
		}
		if _, err := o.Inquiry(ctx, o.admin, third.ID); err != nil || len(storetest.Entries(t, o.db, shippost.EntryAdminRead)) != 1 {
			t.Errorf("reading is not noted: %v", err)
		}
		// The list says who asked, and so it is noted too; that something waits says nobody's name.
		waiting, err := o.Waiting(ctx, o.admin)
		if err != nil || len(waiting) == 0 || len(storetest.Entries(t, o.db, shippost.EntryAdminRead)) != 1 {
			t.Errorf("waiting: %d, %v", len(waiting), err)
		}
		for _, i := range waiting {
			if i.Name+i.Mail+i.Message+string(i.User) != "" {
				t.Errorf("%+v", i)
			}
		}
		if _, _, err := o.Open(ctx, o.admin); err != nil || len(storetest.Entries(t, o.db, shippost.EntryAdminRead)) != 2 {
			t.Errorf("reading the list is not noted: %v", err)
		}
		// To prove and to answer takes a fresh sign-in.
		stale := o.admin
		stale.Fresh = false
		if err := o.ProveByHand(ctx, stale, third.ID, "x"); !shippost.IsCode(err, "step_up_required") {
			t.Errorf("proved: %v", err)
		}
		if err := o.Answer(ctx, stale, third.ID, "x", true); !shippost.IsCode(err, "step_up_required") {
			t.Errorf("answered: %v", err)
		}
	})
}

// Whoever is signed in cannot sign with another name; and what somebody typed before is told from the account that they then sign in with.
func TestNobodyAsksUnderAnothersName(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := newOffice(t, db, clock, true)
		eve := storetest.Workspace(t, db)
		d := draft
		d.Name, d.Mail = "Mara Victim", "mara@example.com"
		if asked := o.ask(eve, d); asked.Name != "Ada" {
			t.Errorf("asks as %q", asked.Name)
		}
		before := o.ask(shippost.Actor{}, d)
		if err := o.ProveBySignIn(t.Context(), eve, before.Token); err != nil {
			t.Fatal(err)
		}
		if seen, err := o.Inquiry(t.Context(), o.admin, before.ID); err != nil || seen.Name != "Mara Victim" || seen.Account != "Ada" || seen.User != eve.User {
			t.Errorf("%+v, %v", seen, err)
		}
	})
}

// Mail about legal texts to somebody without an account ends by its link: every message forgets the address, whose answers stand on
// their pages.
func TestMailToWhoeverAskedEndsByItsLink(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := newOffice(t, db, clock, true)
		ctx := t.Context()
		other, d := draft, draft
		d.Kind, other.Mail, other.Network = shippost.InquiryQuestion, "eve@example.com", "x"
		first, second, hers := o.ask(shippost.Actor{}, d), o.ask(shippost.Actor{}, draft), o.ask(shippost.Actor{}, other)
		token := auth.NewToken()
		l := shippost.Letter{ID: shippost.NewLetterID(noon), Once: "policy/x", Kind: shippost.LetterPolicy, Inquiry: second.ID, LeaveHash: auth.Hash(token), CreatedAt: noon}
		storetest.Update(t, db, func(tx *store.Tx) error { _, err := tx.InsertLetter(ctx, &l, "sealed"); return err })
		if mail, err := o.Look(ctx, token); err != nil || mail != "a•••@example.com" {
			t.Errorf("%q, %v", mail, err)
		}
		for range 2 {
			if err := o.Leave(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		for _, asked := range []inquiry.Asked{first, second} {
			if i, err := o.Read(ctx, asked.Token); err != nil || i.Mail != "" {
				t.Errorf("%+v, %v", i, err)
			}
		}
		if i, err := o.Read(ctx, hers.Token); err != nil || i.Mail != "eve@example.com" {
			t.Errorf("%+v, %v", i, err)
		}
		if _, err := o.Look(ctx, token); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("used: %v", err)
		}
		var waits int
		if err := db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM letters WHERE content <> ''").Scan(&waits); err != nil || waits != 0 {
			t.Errorf("%d letters still go out, %v", waits, err)
		}
		letters := len(o.letters)
		if err := o.Answer(ctx, o.admin, first.ID, "Because.", false); err != nil || len(o.letters) != letters {
			t.Errorf("the answer: %v, %d letters", err, len(o.letters)-letters)
		}
	})
}

// fill has many others ask in the same day.
func (o *office) fill(n int) {
	o.t.Helper()
	storetest.Update(o.t, o.db, func(tx *store.Tx) error {
		for i := range n {
			other := shippost.Inquiry{ID: shippost.NewInquiryID(noon), Kind: shippost.InquiryQuestion, Message: "x", Status: shippost.InquiryOpen, AskedAt: tx.Now(), DueAt: tx.Now().Add(day)}
			if err := tx.InsertInquiry(o.t.Context(), &other, fmt.Sprint("token ", i, tx.Now()), ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// Few receipts go to one mailbox, and few letters in a day; over that a message is taken in all the same.
func TestReceiptsHaveALimit(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	o := newOffice(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, true)
	for i, to := range []string{"victim@example.com", "Victim@example.com", "victim+x@EXAMPLE.com", "victim+y@example.com", "ada@example.com"} {
		d := draft
		d.Mail, d.Network = to, to
		asked := o.ask(shippost.Actor{}, d)
		got := slices.ContainsFunc(o.letters, func(l notify.Letter) bool { return l.Kind == shippost.LetterReceived && l.Inquiry == asked.ID })
		if got != (i != 3) || !slices.ContainsFunc(o.letters, func(l notify.Letter) bool { return l.Kind == shippost.LetterAsked && l.Inquiry == asked.ID }) {
			t.Errorf("%s: receipt %v", to, got)
		}
	}
	o.fill(294)
	for i := range 3 {
		before := len(o.letters)
		d := draft
		d.Mail, d.Network = fmt.Sprintf("other%d@example.com", i), fmt.Sprint("network ", i)
		o.ask(shippost.Actor{}, d)
		if mailed := len(o.letters) > before; mailed != (i == 0) {
			t.Errorf("message %d of a day: mailed %v", 300+i, mailed)
		}
	}
}

// Nothing that was typed gets further than the form when it cannot be kept, and nobody fills the inbox.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	o := newOffice(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, false)
	for name, c := range map[string]struct {
		change func(*inquiry.Draft)
		code   string
	}{
		"kind":        {func(d *inquiry.Draft) { d.Kind = "grudge" }, "invalid_inquiry_kind"},
		"no mail":     {func(d *inquiry.Draft) { d.Mail = " " }, "mail_required"},
		"two mails":   {func(d *inquiry.Draft) { d.Mail = "a@b.example, c@d.example" }, "invalid_mail"},
		"header":      {func(d *inquiry.Draft) { d.Mail = "a@b.example\r\nBcc: all@b.example" }, "invalid_mail"},
		"named mail":  {func(d *inquiry.Draft) { d.Mail = "Ada <a@b.example>" }, "invalid_mail"},
		"quoted mail": {func(d *inquiry.Draft) { d.Mail = `"a b"@b.example` }, "invalid_mail"},
		"relayed":     {func(d *inquiry.Draft) { d.Mail = "eve%victim.example@relay.example" }, "invalid_mail"},
		"no domain":   {func(d *inquiry.Draft) { d.Mail = "root@localhost" }, "invalid_mail"},
		"long mail":   {func(d *inquiry.Draft) { d.Mail = strings.Repeat("a", 250) + "@b.example" }, "invalid_mail"},
		"name":        {func(d *inquiry.Draft) { d.Name = "Ada\x00" }, "invalid_name"},
		"turned name": {func(d *inquiry.Draft) { d.Name = "Ada\u202egnp" }, "invalid_name"},
		"long name":   {func(d *inquiry.Draft) { d.Name = strings.Repeat("ä", 101) }, "invalid_name"},
		"nothing":     {func(d *inquiry.Draft) { d.Message = "\r\n \t" }, "message_required"},
		"long":        {func(d *inquiry.Draft) { d.Message = strings.Repeat("ä", 5001) }, "message_too_long"},
		"bytes":       {func(d *inquiry.Draft) { d.Message = "\xff\xfe" }, "invalid_message"},
		"escape":      {func(d *inquiry.Draft) { d.Message = "\x1b[31mred" }, "invalid_message"},
	} {
		d := draft
		c.change(&d)
		if _, err := o.Ask(t.Context(), shippost.Actor{}, d); !shippost.IsCode(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for n := range 7 {
		_, err := o.Ask(t.Context(), shippost.Actor{}, draft)
		if (n < 5) != (err == nil) || err != nil && (!shippost.IsKind(err, shippost.Wait) || shippost.AsError(err).RetryAfter != time.Hour) {
			t.Errorf("message %d of one network: %v", n+1, err)
		}
	}
	o.fill(4994)
	for n := range 3 {
		d := draft
		d.Network = fmt.Sprint("network ", n)
		if _, err := o.Ask(t.Context(), shippost.Actor{}, d); (n < 1) != (err == nil) || err != nil && !shippost.IsKind(err, shippost.Wait) {
			t.Errorf("message %d of a day: %v", 5000+n, err)
		}
	}
	// Whoever took it back is not waited for.
	clock.Advance(2 * day)
	asked := o.ask(shippost.Actor{}, draft)
	if err := o.Withdraw(t.Context(), shippost.Actor{}, asked.Token); err != nil {
		t.Fatal(err)
	}
	if i, err := o.Read(t.Context(), asked.Token); err != nil || i.Status != shippost.InquiryWithdrawn || i.Overdue(noon.Add(99*day)) {
		t.Errorf("%+v, %v", i, err)
	}
}
