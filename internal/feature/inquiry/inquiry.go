// Package inquiry is the inbox of whoever runs the server: questions, and requests about somebody's own data. Each has 30 days
// to be answered. What concerns somebody's data is carried out only for whoever proved to be that person.
package inquiry

import (
	"context"
	"log/slog"
	"maps"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// Limits.
const (
	nameLimit    = 100
	mailLimit    = 254
	messageLimit = 5000
	perNetwork   = 5 // in an hour, on each node
	perUser      = 10
	mailsPerDay  = 300  // taken in with mail, from everybody together
	perDay       = 5000 // taken in at all, so that nobody fills the database
	perAddress   = 3    // receipts in a day, on each node: whoever types an address need not be who reads there
	networks     = 10000
	oneDay       = 24 * time.Hour
	keep         = 366 * oneDay // after the answer
	batch        = 500
)

// Data carries out what requests ask for.
type Data interface {
	// EraseFor begins the erasure of a person.
	EraseFor(ctx context.Context, tx *store.Tx, actor shippost.Actor, user shippost.UserID, page string) (lifecycle.Asked, error)
	// ExportFor has copies made of all that is a person's.
	ExportFor(ctx context.Context, tx *store.Tx, actor shippost.Actor, user shippost.UserID) ([]lifecycle.Export, error)
	// FetchFor opens a copy that was made for a request.
	FetchFor(ctx context.Context, request shippost.InquiryID, user shippost.UserID, id string) (lifecycle.Archive, error)
}

// Options is what a Desk needs. Only Operator and Post may be left out.
type Options struct {
	DB        *store.DB
	Data      Data
	PublicURL string
	Operator  string      // mail address of whoever runs the server; "" for none
	Post      notify.Post // nil: this server sends no mail
	Now       func() time.Time
	Log       *slog.Logger
}

// Desk takes inquiries in and sees that they are answered. All methods may be called from many goroutines at once.
type Desk struct {
	Options
	tries, receipts *auth.Tries
}

// New returns a Desk.
func New(o Options) *Desk {
	return &Desk{Options: o, tries: auth.NewTries(perNetwork, time.Hour, networks), receipts: auth.NewTries(perAddress, oneDay, networks)}
}

// SendsMail reports whether answers go out by mail too.
func (d *Desk) SendsMail() bool { return d.Post != nil }

// Draft is what somebody wrote into the form.
type Draft struct {
	Kind    shippost.InquiryKind
	Name    string
	Mail    string
	Message string
	Network string // truncated address of the sender
}

// clean checks a draft and returns it as it is kept.
func (d Draft) clean(signedIn bool) (Draft, error) {
	d.Name = strings.Join(strings.Fields(d.Name), " ")
	d.Mail = strings.TrimSpace(d.Mail)
	d.Message = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(d.Message, "\r\n", "\n"), "\r", "\n"))
	known := false
	for _, k := range shippost.InquiryKinds {
		known = known || k == d.Kind
	}
	invalid := func(code, field, text string) error {
		return shippost.Errorf(shippost.Invalid, code, "%s", text).At(field).With(shippost.RemedyEdit)
	}
	switch {
	case !known:
		return d, invalid("invalid_inquiry_kind", "kind", "Choose what your message is about.")
	case !plain(d.Name, false) || utf8.RuneCountInString(d.Name) > nameLimit:
		return d, invalid("invalid_name", "name", "Write a name of at most 100 characters, or none.")
	case d.Mail == "" && !signedIn:
		return d, invalid("mail_required", "mail", "Write a mail address, so that you can be asked back.")
	case d.Mail != "" && !Address(d.Mail):
		return d, invalid("invalid_mail", "mail", "This is no mail address. Write one like ada@example.com.")
	case d.Message == "":
		return d, invalid("message_required", "message", "Write what you want to know or have done.")
	case !plain(d.Message, true):
		return d, invalid("invalid_message", "message", "The message holds characters that cannot be stored. Type it again.")
	case utf8.RuneCountInString(d.Message) > messageLimit:
		return d, invalid("message_too_long", "message", "Write at most 5,000 characters.")
	}
	return d, nil
}

// Address reports whether text is one plain mail address.
func Address(text string) bool {
	a, err := mail.ParseAddress(text)
	local, domain, _ := strings.Cut(text, "@")
	return err == nil && a.Address == text && a.Name == "" && len(text) <= mailLimit && plain(text, false) && !strings.ContainsAny(text, " \"<>,;") &&
		!strings.ContainsAny(local, "%!") && strings.Contains(domain, ".") // a relay would read another address in these
}

// plain reports whether text can be kept and shown: no control characters but line breaks and tabs where they have a place,
// and none that turn the direction of what stands around them.
func plain(text string, lines bool) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return false
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return true
		}
		return unicode.IsControl(r)
	})
}

// Asked is an inquiry that has just come in. Token ends the address of its page.
type Asked struct {
	shippost.Inquiry
	Token shippost.Secret
}

// Ask takes an inquiry in; the actor is zero for somebody who is not signed in. Over the limits of mail it is taken in without: its page
// tells the same.
func (d *Desk) Ask(ctx context.Context, actor shippost.Actor, draft Draft) (asked Asked, err error) {
	signedIn := actor.Kind == shippost.ActorUser
	if draft, err = draft.clean(signedIn); err != nil {
		return asked, err
	}
	if wait := d.tries.Count(draft.Network, d.Now()); wait > 0 {
		return asked, tooMany(wait)
	}
	now := d.DB.Now()
	asked.Token = auth.NewToken()
	code := auth.NewToken()
	i := shippost.Inquiry{ID: shippost.NewInquiryID(now), Kind: draft.Kind, Name: draft.Name, Mail: draft.Mail, Message: draft.Message,
		Status: shippost.InquiryOpen, AskedAt: now, DueAt: now.Add(shippost.InquiryTime)}
	if signedIn {
		i.User, i.Proof = actor.User, shippost.ProofSignIn
	}
	var asked24 int64
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		asked24, err = room(ctx, tx, i.User, now)
		return err
	})
	if err != nil {
		return asked, err
	}
	mails := d.Post != nil && asked24 < mailsPerDay
	receipt := mails && i.Mail != ""
	if receipt {
		mailbox, _ := notify.Mailbox(i.Mail)
		receipt = d.receipts.Count(mailbox, d.Now()) == 0
	}
	codeHash := ""
	if receipt && !signedIn {
		codeHash = auth.Hash(code)
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := room(ctx, tx, i.User, now); err != nil {
			return err
		}
		if signedIn { // what they typed could be somebody else's name
			user, err := tx.User(ctx, actor.User)
			if err != nil {
				return err
			}
			i.Name = user.Name
		}
		if err := tx.InsertInquiry(ctx, &i, auth.Hash(asked.Token), codeHash); err != nil {
			return err
		}
		if err := record(ctx, tx, shippost.EntryInquiryAsked, actor, i, nil); err != nil {
			return err
		}
		if !mails {
			return nil
		}
		if err := d.tellOperator(ctx, tx, i, "asked", shippost.LetterAsked, nil); err != nil || !receipt {
			return err
		}
		return d.receive(ctx, tx, i, code, codeHash != "")
	})
	asked.Inquiry = i
	if err == nil {
		d.Log.Info("somebody wrote to whoever runs this server; it stands in /admin", "inquiry", i.ID, "kind", string(i.Kind), "due", i.DueAt.Format(time.DateOnly))
	}
	return asked, err
}

// receive tells whoever asked that their message arrived, and a stranger how to prove the address. Nothing of the message is repeated,
// so that nobody can have this server write to others what they like.
func (d *Desk) receive(ctx context.Context, tx *store.Tx, i shippost.Inquiry, code shippost.Secret, prove bool) error {
	confirm := ""
	if prove {
		confirm = d.PublicURL + "/contact-confirm/" + code.Reveal()
	}
	return d.Post(ctx, tx, notify.Letter{Once: receiptOf(i.ID), Kind: shippost.LetterReceived, Inquiry: i.ID, To: i.Mail,
		Facts: map[string]any{"Number": string(i.ID), "Due": day(i.DueAt), "Confirm": confirm}})
}

func receiptOf(id shippost.InquiryID) string { return "received/" + string(id) }

// tellOperator writes to whoever runs the server, without a word of what somebody wrote: mail may be read on its way.
func (d *Desk) tellOperator(ctx context.Context, tx *store.Tx, i shippost.Inquiry, cause string, kind shippost.LetterKind, facts map[string]any) error {
	if d.Post == nil || d.Operator == "" {
		return nil
	}
	all := map[string]any{"About": string(i.Kind), "Due": day(i.DueAt), "Page": d.PublicURL + "/admin/inquiries/" + string(i.ID)}
	maps.Copy(all, facts)
	return d.Post(ctx, tx, notify.Letter{Once: cause + "/" + string(i.ID), Kind: kind, Inquiry: i.ID, To: d.Operator, Facts: all})
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// room refuses what would be too much. It returns how many came in a day, from everybody.
func room(ctx context.Context, tx *store.Tx, user shippost.UserID, now time.Time) (all int64, err error) {
	if all, err = tx.CountInquiries(ctx, "", now.Add(-oneDay)); err != nil {
		return all, err
	}
	var own int64
	if user != "" {
		if own, err = tx.CountInquiries(ctx, user, now.Add(-oneDay)); err != nil {
			return all, err
		}
	}
	if all >= perDay || own >= perUser {
		return all, tooMany(oneDay)
	}
	return all, nil
}

func tooMany(wait time.Duration) error {
	e := shippost.Errorf(shippost.Wait, "too_many_inquiries", "Too many messages came. Try again later, or write to whoever runs this server by mail.").With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}

func record(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, actor shippost.Actor, i shippost.Inquiry, data map[string]any) error {
	all := map[string]any{"inquiry": string(i.ID), "about": string(i.Kind)}
	for k, v := range data {
		all[k] = v
	}
	if actor.Admin != "" {
		all["admin"] = string(actor.Admin)
	}
	return tx.Record(ctx, shippost.Entry{Kind: kind, Actor: actor, Data: all})
}
