package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"mime/quotedprintable"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/mail/mailtest"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

var admin = shippost.Actor{Kind: shippost.ActorAdmin, Admin: shippost.NewAdminID(noon), Fresh: true}

// office is an outbox, the queue and a mail server.
type office struct {
	*Outbox
	t      *testing.T
	server *mailtest.Server
	worker *sendWorker
	log    bytes.Buffer
}

// each runs a test on both engines, beside a real mail server. Jobs wait until the test runs them, or until it starts the queue.
func each(t *testing.T, test func(t *testing.T, o *office, clock *storetest.Clock)) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := &office{t: t, server: mailtest.Start(t, mailtest.Options{})}
		clients, err := outbound.New(outbound.Policy{Services: []string{o.server.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		sealer, err := seal.CreateOrLoad(t.Context(), filepath.Join(t.TempDir(), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		there, err := mail.New(mail.Options{Host: o.server.Host, Port: o.server.Port, User: mailtest.User, Password: shippost.NewSecret(mailtest.Password),
			From: "ShipPost <posts@posts.example>", Name: "posts.example", Dial: clients.Dial, Roots: o.server.Roots, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		registry := jobs.NewRegistry()
		log := slog.New(slog.NewTextHandler(&o.log, nil))
		queue, err := jobs.Open(t.Context(), db, jobs.Options{Registry: registry, Queues: map[string]int{Queue: 2}, Poll: 20 * time.Millisecond, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = queue.Stop(ctx)
		})
		o.Outbox = New(Options{DB: db, Sealer: sealer, Jobs: queue, Server: there, PublicURL: "https://posts.example", Now: clock.Now, Log: log})
		o.Work(registry)
		o.worker = &sendWorker{outbox: o.Outbox}
		test(t, o, clock)
	})
}

var answer = Letter{Once: "answered/inq_1", Kind: shippost.LetterAnswered, Inquiry: "inq_1", To: "canary@example.com",
	Facts: map[string]any{"Number": "inq_1", "Asked": "24 November 2026", "Answer": "canary words <b>&\n\nhttps://evil.example/x", "Withheld": false}}

func (o *office) post(l Letter) {
	o.t.Helper()
	storetest.Update(o.t, o.DB, func(tx *store.Tx) error { return o.Post(o.t.Context(), tx, l) })
}

// letter returns the only letter, and what it still says.
func (o *office) letter() (l shippost.Letter, content string) {
	o.t.Helper()
	storetest.View(o.t, o.DB, func(tx *store.Tx) error {
		list, err := tx.UnsentLetters(o.t.Context(), 10)
		if err != nil || len(list) != 1 {
			o.t.Fatalf("%d letters, %v", len(list), err)
		}
		l, content, err = tx.Letter(o.t.Context(), list[0].ID)
		return err
	})
	return l, content
}

func (o *office) jobs() (n int) {
	o.t.Helper()
	if err := o.DB.SQL().QueryRowContext(o.t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'notify.send'").Scan(&n); err != nil {
		o.t.Fatal(err)
	}
	return n
}

// run does what the queue would do for the n-th time.
func (o *office) run(id shippost.LetterID, attempt int) error {
	return o.worker.Work(o.t.Context(), job(id, attempt))
}

func job(id shippost.LetterID, attempt int) *river.Job[sendArgs] {
	return &river.Job[sendArgs]{JobRow: &rivertype.JobRow{Attempt: attempt}, Args: sendArgs{id}}
}

func (o *office) givenUp() int {
	o.t.Helper()
	return len(storetest.Entries(o.t, o.DB, shippost.EntryLetterGivenUp))
}

// A cause has one letter however often it is told, and none when its transaction is rolled back. The letter arrives by itself, in
// both forms, and what it said is forgotten.
func TestOneLetterForEachCause(t *testing.T) {
	each(t, func(t *testing.T, o *office, _ *storetest.Clock) {
		regret := errors.New("regret")
		err := o.DB.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(o.Post(t.Context(), tx, answer), regret) })
		if !errors.Is(err, regret) || o.jobs() != 0 {
			t.Fatalf("rolled back: %v, %d jobs", err, o.jobs())
		}
		o.post(answer)
		o.post(answer)
		if o.jobs() != 1 {
			t.Fatalf("%d jobs for one cause", o.jobs())
		}
		if dump := storetest.Dump(t, o.DB); strings.Contains(dump, "canary") {
			t.Errorf("the database can be read:\n%s", dump)
		}
		l, _ := o.letter()
		if err := o.Jobs.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		box := o.server.Wait(t, 1)
		raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(box[0].Raw)))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"canary words <b>&\r\n", "<p>canary words &lt;b&gt;&amp;</p>", "<p>https://evil.example/x</p>", "text/plain", "text/html"} {
			if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n"), want) {
				t.Errorf("%q is not in\n%s", want, raw)
			}
		}
		m := box[0].Message(t)
		if m.Header.Get("Message-Id") != "<"+string(l.ID)+"@posts.example>" || m.Header.Get("To") != "<canary@example.com>" || m.Header.Get("Subject") != "Answer to your message inq_1" || m.Header["Auto-Submitted"] != nil {
			t.Errorf("%v", m.Header)
		}
		deadline := time.Now().Add(10 * time.Second)
		for said := "?"; said != "" && time.Now().Before(deadline); {
			storetest.View(t, o.DB, func(tx *store.Tx) (err error) {
				l, said, err = tx.Letter(t.Context(), l.ID)
				return err
			})
		}
		if l.Status != shippost.LetterSent || l.Tries != 1 {
			t.Errorf("%+v", l)
		}
		if err := o.run(l.ID, 2); err != nil || len(o.server.Box()) != 1 {
			t.Errorf("run again: %v, %d messages", err, len(o.server.Box()))
		}
		o.post(answer)
		if o.jobs() != 1 || strings.Contains(o.log.String(), "canary") {
			t.Errorf("%d jobs; log %s", o.jobs(), o.log.String())
		}
	})
}

// What fails for now is tried for three days, ever more seldom; then it is given up, noted, shown to administrators, and can be
// tried again.
func TestTriedAgainAndGivenUp(t *testing.T) {
	each(t, func(t *testing.T, o *office, clock *storetest.Clock) {
		o.post(answer)
		l, _ := o.letter()
		o.server.Refuse("recipient", 451)
		total := time.Duration(0)
		for attempt := 1; attempt <= len(waits); attempt++ {
			if err := o.run(l.ID, attempt); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "ada@") {
				t.Fatalf("try %d: %v", attempt, err)
			}
			next := o.worker.NextRetry(job(l.ID, attempt)).Sub(clock.Now())
			if total += next; next < time.Minute || next > 8*time.Hour {
				t.Errorf("after try %d it waits %s", attempt, next)
			}
			clock.Advance(next)
		}
		if total < 60*time.Hour || total > 80*time.Hour {
			t.Errorf("it was tried for %s", total)
		}
		if l, said := o.letter(); l.Status != shippost.LetterWaiting || l.Tries != int64(len(waits)) || !strings.Contains(l.Failure, "451") || said == "" || o.givenUp() != 0 {
			t.Errorf("%+v", l)
		}
		for range 2 { // the queue may run a job twice
			if err := o.run(l.ID, len(waits)+1); err != nil {
				t.Fatal(err)
			}
		}
		state, err := o.State(t.Context(), admin)
		if err != nil || state.GivenUp() != 1 || o.givenUp() != 1 || strings.Count(o.log.String(), "level=ERROR") != 1 {
			t.Fatalf("%+v, %d entries, %v; log %s", state, o.givenUp(), err, o.log.String())
		}
		for _, actor := range []shippost.Actor{{}, shippost.System("all"), {Kind: shippost.ActorAdmin}} {
			_, err := o.State(t.Context(), actor)
			if !shippost.IsKind(err, shippost.Forbidden) || !shippost.IsKind(o.Revive(t.Context(), actor, l.ID), shippost.Forbidden) {
				t.Errorf("%+v got in", actor)
			}
		}
		o.server.Refuse("recipient", 0)
		if err := o.Revive(t.Context(), admin, l.ID); err != nil || o.jobs() != 2 {
			t.Fatalf("%v, %d jobs", err, o.jobs())
		}
		if err := o.Revive(t.Context(), admin, l.ID); !shippost.IsCode(err, "letter_settled") {
			t.Errorf("revived twice: %v", err)
		}
		if err := o.run(l.ID, 1); err != nil || len(o.server.Box()) != 1 {
			t.Errorf("%v, %d messages", err, len(o.server.Box()))
		}
	})
}

// What is refused for good is not tried again. What it says goes after a month, and the letter after a year.
func TestRefusedForGood(t *testing.T) {
	each(t, func(t *testing.T, o *office, clock *storetest.Clock) {
		o.post(answer)
		l, _ := o.letter()
		o.server.Refuse("recipient", 550)
		if err := o.run(l.ID, 1); err != nil {
			t.Fatal(err)
		}
		if l, said := o.letter(); l.Status != shippost.LetterGivenUp || said == "" || !strings.Contains(l.Failure, "550") || strings.Contains(l.Failure, "@") || o.givenUp() != 1 {
			t.Fatalf("%+v", l)
		}
		sweep := func(after time.Duration) {
			clock.Advance(noon.Add(after).Sub(clock.Now()))
			if err := o.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sweep(keepContent - time.Second)
		if _, said := o.letter(); said == "" {
			t.Error("what it says went too early")
		}
		sweep(keepContent + time.Second)
		if _, said := o.letter(); said != "" {
			t.Error("it still says something")
		}
		if err := o.Revive(t.Context(), admin, l.ID); !shippost.IsCode(err, "letter_settled") {
			t.Errorf("revived empty: %v", err)
		}
		sweep(keepLetter + time.Second)
		if state, err := o.State(t.Context(), admin); err != nil || len(state.Unsent) != 0 {
			t.Errorf("%+v, %v", state, err)
		}
	})
}

// A server that is down or silent keeps nothing but its letter waiting.
func TestDownAndSlow(t *testing.T) {
	each(t, func(t *testing.T, o *office, _ *storetest.Clock) {
		o.post(answer)
		l, _ := o.letter()
		o.server.Hang()
		if err := o.run(l.ID, 1); err == nil {
			t.Fatal("a silent server took it")
		}
		o.server.Resume()
		there := o.Server
		clients, err := outbound.New(outbound.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		down := there.Options
		down.Dial = clients.Dial
		if o.Server, err = mail.New(down); err != nil {
			t.Fatal(err)
		}
		if err := o.run(l.ID, 2); err == nil {
			t.Fatal("a server that is not on the list took it")
		}
		if l, said := o.letter(); l.Tries != 2 || said == "" || !strings.Contains(l.Failure, "cannot be reached") {
			t.Errorf("%+v", l)
		}
		o.Server = there
		if err := o.run(l.ID, 3); err != nil {
			t.Fatal(err)
		}
	})
}

// P18: whoever is erased gets no mail, not from old jobs either, and nothing that it would have said is left.
func TestPromise_P18_ErasedPeopleGetNoMail(t *testing.T) {
	each(t, func(t *testing.T, o *office, _ *storetest.Clock) {
		ada := storetest.Workspace(t, o.DB)
		asked := shippost.Inquiry{ID: "inq_1", Kind: shippost.InquiryQuestion, User: ada.User, Status: shippost.InquiryOpen, AskedAt: noon, DueAt: noon}
		storetest.Update(t, o.DB, func(tx *store.Tx) error { return tx.InsertInquiry(t.Context(), &asked, "hash", "") })
		o.post(answer)
		l, _ := o.letter()
		for _, table := range lifecycle.Tables { // as an erasure does, in its order
			if table.Person.Fate == lifecycle.Deleted && (table.Name == "letters" || table.Name == "inquiries") {
				storetest.Update(t, o.DB, func(tx *store.Tx) error {
					n, err := tx.DeleteOwned(t.Context(), table.Name, table.Person.Claim, string(ada.User), 10)
					if n != 1 {
						t.Errorf("%d rows of %s", n, table.Name)
					}
					return err
				})
			}
		}
		if err := o.run(l.ID, 1); err != nil || o.server.Tries() != 0 {
			t.Errorf("%v, %d tries", err, o.server.Tries())
		}
		if dump := storetest.Dump(t, o.DB); strings.Contains(dump, "letters:") {
			t.Errorf("something is left:\n%s", dump)
		}
	})
}

// Every kind of letter can be written, has a subject of one line, and its links are those of this server.
func TestTemplates(t *testing.T) {
	t.Parallel()
	facts := map[string]any{"Number": "inq_1", "Due": "1 January 2027", "Confirm": "https://posts.example/contact-confirm/abc", "Asked": "1 December 2026", "Answer": "Yes.\nNo.",
		"Withheld": false, "About": "access", "Page": "https://posts.example/admin/inquiries/inq_1", "Overdue": true, "Document": "The privacy policy", "Many": false, "Day": "1 December 2026", "Summary": "Less.",
		"Undo": "https://posts.example/erasure/abc", "Copies": "https://posts.example/settings", "OnPage": true, "Until": "1 December 2026, 12:00 UTC", "Leave": "https://posts.example/mail-off/abc", "Subject": "A post to @ada failed", "More": 3, "All": "https://posts.example/posts?view=attention",
		"When": "1 December 2026, 12:00 UTC", "Left": int64(1), "Settings": "https://posts.example/settings/mail", "Removed": true, "Wrote": true, "Sessions": "https://posts.example/settings/sessions", "Posts": []map[string]string{{"About": "@ada, Monday", "What": "No.", "Do": "Edit the post.", "Page": "https://posts.example/posts/post_1"}}}
	for _, kind := range shippost.LetterKinds {
		subject, text, err := write(Letter{Kind: kind, Facts: facts}, "https://posts.example")
		if err != nil || subject == "" || len(subject) > 100 || strings.ContainsAny(subject, "\r\n{<") || strings.ContainsAny(text, "{<\r") || strings.TrimSpace(text) == "" {
			t.Errorf("%s: %q\n%s\n%v", kind, subject, text, err)
		}
		html, err := page(subject, text, "https://posts.example")
		if err != nil || !strings.Contains(html, "<h1>"+subject+"</h1>") || kind != shippost.LetterAnswered && strings.Count(html, `<a href="https://posts.example/`) < 1 {
			t.Errorf("%s: %v\n%s", kind, err, html)
		}
	}
	copies := maps.Clone(facts)
	copies["Undo"] = ""
	if _, text, err := write(Letter{Kind: shippost.LetterCarried, Facts: copies}, "https://posts.example"); err != nil || !strings.Contains(text, "\nhttps://posts.example/settings\n") || !strings.Contains(text, "on the page") || strings.Contains(text, "delete") {
		t.Errorf("%v\n%s", err, text)
	}
	withheld := map[string]any{"Withheld": true, "Answer": "secret", "Asked": "1 December 2026", "Number": "inq_1"}
	if _, text, err := write(Letter{Kind: shippost.LetterAnswered, Facts: withheld}, "https://posts.example"); err != nil || strings.Contains(text, "secret") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, _, err := write(Letter{Kind: shippost.LetterDue}, "https://posts.example"); err == nil {
		t.Error("a letter without its facts was written")
	}
}
