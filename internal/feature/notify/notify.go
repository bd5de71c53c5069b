// Package notify is the way out for mail: what a feature wants to tell by mail is written down in the transaction of its cause, and
// sent afterwards, once, however often that takes.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// How long is kept what was given up, and that a letter was.
const (
	keepContent = 30 * 24 * time.Hour
	keepLetter  = 366 * 24 * time.Hour
	batch       = 500
	shown       = 200 // letters on the page of administrators
)

// Letter is what a feature wants to have sent.
type Letter struct {
	Once    string // what causes it: a second one of the same cause is not sent
	Kind    shippost.LetterKind
	Inquiry shippost.InquiryID // what it is about; "" for none
	User    shippost.UserID    // whom it concerns: it goes when they are erased. With an inquiry, "" means whoever asked
	To      string
	Leave   string         // address at which one request ends letters like this one; "" for letters that were asked for
	Left    string         // hash of what Leave ends with, where it ends mail to the address of Inquiry
	Facts   map[string]any // what the template of the kind asks for
}

// Post writes a letter down in a transaction; see Outbox.Post.
type Post func(ctx context.Context, tx *store.Tx, letter Letter) error

// Options is what an Outbox needs. All fields are required.
type Options struct {
	DB        *store.DB
	Sealer    *seal.Sealer
	Jobs      *jobs.Client
	Server    *mail.Server
	PublicURL string
	Now       func() time.Time
	Log       *slog.Logger
}

// Outbox keeps letters until they are sent. All methods may be called from many goroutines at once.
type Outbox struct{ Options }

// New returns an Outbox.
func New(o Options) *Outbox { return &Outbox{o} }

// content is what a letter says, as it is sealed.
type content struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Leave   string `json:"leave,omitempty"`
}

// Reader is somebody with a mail address that they confirmed.
type Reader struct {
	User  shippost.UserID
	To    string
	Leave string // see Letter
}

// Mask leaves of an address the first letter and the domain: by that its reader knows it.
func Mask(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return ""
	}
	return address[:1] + "•••" + address[at:]
}

// Mailbox returns by which mailbox and domain the mails to an address are counted: what follows a + leads to the same mailbox.
func Mailbox(to string) (mailbox, domain string) {
	local, domain, _ := strings.Cut(strings.ToLower(to), "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain, domain
}

func contentRow(id shippost.LetterID) seal.Row {
	return seal.Row{Table: "letters", Column: "content", ID: string(id)}
}

// Post writes a letter down. It is sent when the transaction is committed, and not at all otherwise.
func (o *Outbox) Post(ctx context.Context, tx *store.Tx, letter Letter) error {
	subject, text, err := write(letter, o.PublicURL)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(content{letter.To, subject, text, letter.Leave})
	if err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	l := shippost.Letter{ID: shippost.NewLetterID(tx.Now()), Once: letter.Once, Kind: letter.Kind, Inquiry: letter.Inquiry, User: letter.User, LeaveHash: letter.Left, CreatedAt: tx.Now()}
	sealed, err := o.Sealer.Seal(shippost.NewSecret(string(raw)), contentRow(l.ID))
	if err != nil {
		return err
	}
	added, err := tx.InsertLetter(ctx, &l, sealed)
	if err != nil || !added {
		return err
	}
	return o.enqueue(ctx, tx, l.ID)
}

// send tries to send a letter. last says that there is no further try.
func (o *Outbox) send(ctx context.Context, id shippost.LetterID, last bool) error {
	var l shippost.Letter
	var sealed string
	err := o.DB.View(ctx, func(tx *store.Tx) (err error) {
		l, sealed, err = tx.Letter(ctx, id)
		return err
	})
	if shippost.IsKind(err, shippost.NotFound) || err == nil && (l.Status != shippost.LetterWaiting || sealed == "") {
		return nil // whom it concerned was erased, or it was sent
	}
	if err != nil {
		return err
	}
	message, err := o.read(l, sealed)
	if err != nil && last {
		return errors.Join(err, o.giveUp(ctx, l, "What it says cannot be read any more."))
	}
	if err != nil {
		return err
	}
	sent := o.Server.Send(ctx, message)
	// What became of it is noted even when the server stops at this moment.
	ctx = context.WithoutCancel(ctx)
	if sent == nil {
		return o.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.LetterSent(ctx, id, tx.Now()); return err })
	}
	why, final := "", last
	if f, ok := errors.AsType[*mail.Failure](sent); ok {
		why, final = f.Why(), last || f.Permanent
	}
	if !final {
		return errors.Join(sent, o.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.LetterTried(ctx, id, why); return err }))
	}
	return o.giveUp(ctx, l, why)
}

// read opens what a letter says.
func (o *Outbox) read(l shippost.Letter, sealed string) (mail.Message, error) {
	plain, err := o.Sealer.Open(sealed, contentRow(l.ID))
	if err != nil {
		return mail.Message{}, err
	}
	var c content
	if json.Unmarshal([]byte(plain.Reveal()), &c) != nil {
		return mail.Message{}, fmt.Errorf("letter %s cannot be read", l.ID) // the cause would repeat what it says
	}
	html, err := page(c.Subject, c.Text, o.PublicURL)
	return mail.Message{ID: string(l.ID), At: l.CreatedAt, To: c.To, Subject: c.Subject, Text: c.Text, HTML: html, Leave: c.Leave,
		Reply: l.Kind == shippost.LetterReceived, Person: l.Kind == shippost.LetterAnswered}, err
}

func (o *Outbox) giveUp(ctx context.Context, l shippost.Letter, why string) error {
	given := false
	err := o.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if given, err = tx.GiveUpLetter(ctx, l.ID, why, tx.Now()); err != nil || !given {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Kind: shippost.EntryLetterGivenUp, Actor: shippost.Actor{Kind: shippost.ActorSystem},
			Data: map[string]any{"letter": string(l.ID), "about": string(l.Kind), "why": why}})
	})
	if err == nil && given {
		o.Log.Error("a mail could not be sent; see /admin/mail", "letter", l.ID, "kind", string(l.Kind), "why", why)
	}
	return err
}

// State is what an administrator sees of the outbox.
type State struct {
	Unsent []shippost.Letter // waiting or given up, the oldest first
	Sent   int64             // in the last week
}

// GivenUp counts what nobody tries to send any more.
func (s State) GivenUp() (n int) {
	for _, l := range s.Unsent {
		if l.Status == shippost.LetterGivenUp {
			n++
		}
	}
	return n
}

// State returns what waits and what failed.
func (o *Outbox) State(ctx context.Context, actor shippost.Actor) (s State, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return s, err
	}
	err = o.DB.View(ctx, func(tx *store.Tx) error {
		if s.Unsent, err = tx.UnsentLetters(ctx, shown); err != nil {
			return err
		}
		s.Sent, err = tx.CountSentLetters(ctx, o.Now().Add(-7*24*time.Hour))
		return err
	})
	return s, err
}

// Revive has a letter tried again that was given up.
func (o *Outbox) Revive(ctx context.Context, actor shippost.Actor, id shippost.LetterID) error {
	if err := actor.RequireAdmin(); err != nil {
		return err
	}
	return o.DB.Update(ctx, func(tx *store.Tx) error {
		revived, err := tx.ReviveLetter(ctx, id)
		if err != nil {
			return err
		}
		if !revived {
			return shippost.Errorf(shippost.Conflict, "letter_settled", "This mail waits to be sent, was sent, or is too old to be tried again.")
		}
		if err := tx.Record(ctx, shippost.Entry{Kind: shippost.EntryLetterRevived, Actor: actor, Data: map[string]any{"letter": string(id), "admin": string(actor.Admin)}}); err != nil {
			return err
		}
		return o.enqueue(ctx, tx, id)
	})
}

// Sweep forgets what letters say that were given up a month ago, and letters that are a year old.
func (o *Outbox) Sweep(ctx context.Context) error {
	now := o.Now()
	return errors.Join(
		o.batches(ctx, func(tx *store.Tx) (int64, error) { return tx.EmptyLetters(ctx, now.Add(-keepContent), batch) }),
		o.batches(ctx, func(tx *store.Tx) (int64, error) { return tx.ForgetLetters(ctx, now.Add(-keepLetter), batch) }))
}

func (o *Outbox) batches(ctx context.Context, fn func(*store.Tx) (int64, error)) error {
	for {
		var n int64
		err := o.DB.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = fn(tx)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}
