// Package address keeps the mail addresses of people who sign in: each is confirmed by whoever reads there, is told of what was
// chosen, and goes with one press, without a sign-in.
package address

import (
	"context"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Limits. A person who gives addresses has this server write to others, who did not ask for it.
const (
	mailLimit    = 254
	perPerson    = 5 // links mailed in an hour
	perAddress   = 3 // in a day, on each node
	perDomain    = 100
	perDay       = 300
	addresses    = 10000 // remembered for that
	confirmTime  = 24 * time.Hour
	tidingsTime  = 24 * time.Hour // what nobody could be told by then is old
	oneDay       = 24 * time.Hour
	atOnce       = 50 // people who are told in one go
	namedPosts   = 20 // posts that one mail names
	takenAtOnce  = 500
	gatherTime   = 15 * time.Second
	mailsPerHour = 12 // about posts, to one person; what comes more often is gathered
)

// Options is what a Book needs. Only Post may be left out.
type Options struct {
	DB        *store.DB
	Sealer    *seal.Sealer
	Post      notify.Post // nil: this server sends no mail
	PublicURL string
	Now       func() time.Time
	Log       *slog.Logger
}

// Book keeps the addresses. All methods may be called from many goroutines at once.
type Book struct {
	Options
	tries, domains *auth.Tries // links mailed to an address and to a domain
}

// New returns a Book.
func New(o Options) *Book {
	return &Book{o, auth.NewTries(perAddress, oneDay, addresses), auth.NewTries(perDomain, oneDay, addresses)}
}

// State is what a person sees of their address.
type State struct {
	SendsMail    bool   // this server sends mail
	Mail         string // confirmed; "" while none is
	Pending      string // waits to be confirmed; "" for none
	PendingUntil time.Time
	Trouble      bool // tell of posts that failed, were missed or need somebody
	Posted       bool // tell of posts that went out
}

// State returns the actor's address.
func (b *Book) State(ctx context.Context, actor shippost.Actor) (s State, err error) {
	if err := person(actor); err != nil {
		return s, err
	}
	err = b.DB.View(ctx, func(tx *store.Tx) error {
		s, err = b.state(ctx, tx, actor.User)
		return err
	})
	return s, err
}

func (b *Book) state(ctx context.Context, tx *store.Tx, user shippost.UserID) (State, error) {
	a, err := own(ctx, tx, user)
	s := State{SendsMail: b.Post != nil, Mail: a.Mail, Trouble: a.Trouble == 1, Posted: a.Posted == 1}
	if a.Pending != "" && b.Now().Before(a.PendingUntil) {
		s.Pending, s.PendingUntil = a.Pending, a.PendingUntil
	}
	return s, err
}

// own returns a person's address, or an empty one with what is chosen beforehand.
func own(ctx context.Context, tx *store.Tx, user shippost.UserID) (store.Address, error) {
	a, err := tx.Address(ctx, user)
	if shippost.IsKind(err, shippost.NotFound) {
		return store.Address{User: user, Trouble: 1}, nil
	}
	return a, err
}

// person lets in whoever is signed in: a program has no mail address, and may not read somebody's.
func person(actor shippost.Actor) error {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	return nil
}

// fresh is person for what takes mail from somebody: they signed in within the last ten minutes.
func fresh(actor shippost.Actor) error {
	if err := person(actor); err != nil {
		return err
	}
	return actor.RequireFresh(shippost.ReadWorkspace)
}

// Ask mails a link to an address. Whoever opens it within a day makes the address the actor's; until then an earlier one stays. Where
// there is one, all other sessions of the actor end: somebody may be about to take it from them.
func (b *Book) Ask(ctx context.Context, actor shippost.Actor, text string) (s State, err error) {
	if err := fresh(actor); err != nil {
		return s, err
	}
	if b.Post == nil {
		return s, shippost.Errorf(shippost.Unavailable, "mail_not_set_up", "This server sends no mail. Whoever runs it can change that.").With(shippost.RemedyOperator)
	}
	to, err := clean(text)
	if err != nil {
		return s, err
	}
	// Whoever has no room left must not use up that of others.
	err = b.DB.View(ctx, func(tx *store.Tx) error { return room(ctx, tx, actor.User, tx.Now()) })
	if err != nil {
		return s, err
	}
	mailbox, domain := notify.Mailbox(to)
	if wait := max(b.tries.Count(mailbox, b.Now()), b.domains.Count(domain, b.Now())); wait > 0 {
		return s, tooMany(wait)
	}
	code := auth.NewToken()
	err = b.DB.Update(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		if err := room(ctx, tx, actor.User, now); err != nil {
			return err
		}
		a, err := own(ctx, tx, actor.User)
		if err != nil {
			return err
		}
		a.Pending, a.CodeHash, a.PendingUntil = to, auth.Hash(code), now.Add(confirmTime)
		if a.Mail == to { // it is confirmed already
			a.Pending, a.CodeHash, a.PendingUntil = "", "", time.Time{}
		}
		if err := tx.SaveAddress(ctx, a); err != nil {
			return err
		}
		// The one asked before is forgotten, with the question that may still wait to be sent.
		if err := tx.WithdrawLetters(ctx, actor.User, shippost.LetterConfirm); err != nil {
			return err
		}
		if s, err = b.state(ctx, tx, actor.User); err != nil || a.Pending == "" {
			return err
		}
		if a.Mail != "" {
			if err := auth.EndOthers(ctx, tx, actor); err != nil {
				return err
			}
		}
		if err := record(ctx, tx, shippost.EntryMailAsked, actor, nil); err != nil {
			return err
		}
		return b.Post(ctx, tx, notify.Letter{Once: "confirm/" + auth.Hash(code), Kind: shippost.LetterConfirm, User: actor.User, To: to, Leave: b.leave(code),
			Facts: map[string]any{"Confirm": b.PublicURL + "/mail-confirm/" + code.Reveal(), "Until": a.PendingUntil.UTC().Format("2 January 2006, 15:04") + " UTC", "Leave": b.leave(code)}})
	})
	return s, err
}

// leave is the address at which mail can be ended without a sign-in.
func (b *Book) leave(token shippost.Secret) string {
	return b.PublicURL + "/mail-off/" + token.Reveal()
}

// clean checks an address and returns it as it is written to. Names of domains may be in any script; what stands before the @ may
// not, since many mail servers cannot send there.
func clean(text string) (string, error) {
	invalid := func(code, format string, args ...any) error {
		return shippost.Errorf(shippost.Invalid, code, format, args...).At("address").With(shippost.RemedyEdit)
	}
	text = strings.TrimSpace(text)
	if len(text) > mailLimit {
		return "", invalid("invalid_mail", "A mail address has at most %d characters.", mailLimit)
	}
	at := strings.LastIndexByte(text, '@')
	if at < 1 || strings.ContainsAny(text, " \"<>,;:\\()[]") || strings.ContainsAny(text[:at], "%!@") || // a relay would read another address in these
		strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
		}) {
		return "", invalid("invalid_mail", "This is no mail address. Write one like ada@example.com.")
	}
	if strings.ContainsFunc(text[:at], func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", invalid("mail_before_at", "Before the @ this server can only write to letters from a to z, digits and signs. Write another address.")
	}
	domain, err := idna.Lookup.ToASCII(text[at+1:])
	whole := text[:at+1] + domain
	parsed, wrong := mail.ParseAddress(whole)
	if err != nil || wrong != nil || parsed.Address != whole || len(whole) > mailLimit || !strings.Contains(domain, ".") {
		return "", invalid("invalid_mail", "This is no mail address. Write one like ada@example.com.")
	}
	return whole, nil
}

// room refuses what would be too much.
func room(ctx context.Context, tx *store.Tx, user shippost.UserID, now time.Time) error {
	mine, err := tx.CountLetters(ctx, user, shippost.LetterConfirm, now.Add(-time.Hour))
	if err != nil {
		return err
	}
	all, err := tx.CountLetters(ctx, "", shippost.LetterConfirm, now.Add(-oneDay))
	switch {
	case err != nil:
		return err
	case mine >= perPerson:
		return tooMany(time.Hour)
	case all >= perDay:
		return tooMany(oneDay)
	}
	return nil
}

func tooMany(wait time.Duration) error {
	e := shippost.Errorf(shippost.Wait, "too_many_links", "Too many links were mailed. Look for the one that came, also among the spam, or try again later.").With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}

// Choose says what the actor is told by mail. Changes of the privacy policy are always told while there is an address.
func (b *Book) Choose(ctx context.Context, actor shippost.Actor, trouble, posted bool) (s State, err error) {
	if err := person(actor); err != nil {
		return s, err
	}
	err = b.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := own(ctx, tx, actor.User)
		if err != nil {
			return err
		}
		was := a
		a.Trouble, a.Posted = number(trouble), number(posted)
		if a == was {
			s, err = b.state(ctx, tx, actor.User)
			return err
		}
		if err := tx.SaveAddress(ctx, a); err != nil {
			return err
		}
		if !trouble && !posted {
			if err := silence(ctx, tx, actor.User); err != nil {
				return err
			}
		}
		if s, err = b.state(ctx, tx, actor.User); err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryMailChosen, actor, map[string]any{"trouble": trouble, "posted": posted})
	})
	return s, err
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// silence forgets what a person was to be told of posts, also what was written and not yet sent.
func silence(ctx context.Context, tx *store.Tx, user shippost.UserID) error {
	if err := tx.ForgetTidings(ctx, user, tx.Now().Add(oneDay)); err != nil {
		return err
	}
	return tx.WithdrawLetters(ctx, user, shippost.LetterPosts)
}

// Remove forgets the actor's address, and one that waits to be confirmed. The address is told, and all other sessions of the actor end:
// it might be somebody else who did it.
func (b *Book) Remove(ctx context.Context, actor shippost.Actor) error {
	if err := fresh(actor); err != nil {
		return err
	}
	return b.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := own(ctx, tx, actor.User)
		if err != nil {
			return err
		}
		if err := remove(ctx, tx, actor, actor.User, "settings"); err != nil || a.Mail == "" {
			return err
		}
		if err := auth.EndOthers(ctx, tx, actor); err != nil {
			return err
		}
		return b.warn(ctx, tx, a, "removed")
	})
}

func remove(ctx context.Context, tx *store.Tx, actor shippost.Actor, user shippost.UserID, by string) error {
	_, err := tx.Address(ctx, user)
	if shippost.IsKind(err, shippost.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.DeleteAddress(ctx, user); err != nil {
		return err
	}
	if err := silence(ctx, tx, user); err != nil {
		return err
	}
	if err := tx.WithdrawLetters(ctx, user, shippost.LetterConfirm, shippost.LetterPolicy); err != nil {
		return err
	}
	return record(ctx, tx, shippost.EntryMailRemoved, actor, map[string]any{"by": by})
}

// warn tells an address that mail no longer goes there.
func (b *Book) warn(ctx context.Context, tx *store.Tx, a store.Address, how string) error {
	if b.Post == nil {
		return nil
	}
	return b.Post(ctx, tx, notify.Letter{Once: "moved/" + how + "/" + a.LeaveHash, Kind: shippost.LetterMoved, User: a.User, To: a.Mail,
		Facts: map[string]any{"Removed": how == "removed", "Sessions": b.PublicURL + "/settings/sessions"}})
}

// Confirm makes the address a person's that a code was mailed to; NotFound for a code that was used, is too old or never was.
func (b *Book) Confirm(ctx context.Context, code shippost.Secret) error {
	token := auth.NewToken()
	asked := func(tx *store.Tx) (store.Address, error) {
		a, err := tx.AddressByCode(ctx, auth.Hash(code))
		if shippost.IsKind(err, shippost.NotFound) || err == nil && !tx.Now().Before(a.PendingUntil) {
			err = shippost.Errorf(shippost.NotFound, "link_over", "This link was used already, or it is too old. The settings can send a new one.")
		}
		return a, err
	}
	// Strangers who try codes must not hold up those who write.
	if err := b.DB.View(ctx, func(tx *store.Tx) error { _, err := asked(tx); return err }); err != nil {
		return err
	}
	return b.DB.Update(ctx, func(tx *store.Tx) error {
		a, err := asked(tx)
		if err != nil {
			return err
		}
		if a.Mail != "" {
			if err := silence(ctx, tx, a.User); err != nil {
				return err
			}
			if err := tx.WithdrawLetters(ctx, a.User, shippost.LetterPolicy); err != nil {
				return err
			}
			if err := b.warn(ctx, tx, a, "changed"); err != nil {
				return err
			}
		}
		// The link in mail to the address before must not end mail to this one.
		a.LeaveHash = auth.Hash(token)
		if a.LeaveToken, err = b.Sealer.Seal(token, leaveRow(a.User)); err != nil {
			return err
		}
		a.Mail, a.ConfirmedAt = a.Pending, tx.Now()
		a.Pending, a.CodeHash, a.PendingUntil = "", "", time.Time{}
		if err := tx.SaveAddress(ctx, a); err != nil {
			return err
		}
		who, err := byLink(ctx, tx, a.User)
		if err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryMailConfirmed, who, nil)
	})
}

func leaveRow(user shippost.UserID) seal.Row {
	return seal.Row{Table: "addresses", Column: "leave_token", ID: string(user)}
}

// Known says what the link in a mail is about.
type Known struct {
	Mail    string // what its reader knows the address by: mail is passed on, and its link with it
	Waits   bool   // it was not confirmed: there is nothing to end but the question
	Silent  bool   // nothing about posts is told there
	changes store.Address
}

// Look returns what a link of a mail is about; NotFound for one that ended its address already or never was.
func (b *Book) Look(ctx context.Context, token shippost.Secret) (k Known, err error) {
	err = b.DB.View(ctx, func(tx *store.Tx) error {
		k, err = look(ctx, tx, token)
		return err
	})
	return k, err
}

func look(ctx context.Context, tx *store.Tx, token shippost.Secret) (Known, error) {
	hash := auth.Hash(token)
	a, err := tx.AddressByLeave(ctx, hash)
	if err == nil {
		return Known{Mail: notify.Mask(a.Mail), Silent: a.Trouble == 0 && a.Posted == 0, changes: a}, nil
	}
	if !shippost.IsKind(err, shippost.NotFound) {
		return Known{}, err
	}
	a, err = tx.AddressByCode(ctx, hash)
	if shippost.IsKind(err, shippost.NotFound) {
		return Known{}, shippost.Errorf(shippost.NotFound, "mail_ended", "No mail goes to this address any more.")
	}
	return Known{Mail: notify.Mask(a.Pending), Waits: true, changes: a}, err
}

// Leave ends mail for whoever has a link of one, without a sign-in: that about posts, or with all everything, and then the address is
// forgotten. It may be asked again.
func (b *Book) Leave(ctx context.Context, token shippost.Secret, all bool) error {
	if _, err := b.Look(ctx, token); shippost.IsKind(err, shippost.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return b.DB.Update(ctx, func(tx *store.Tx) error {
		k, err := look(ctx, tx, token)
		if shippost.IsKind(err, shippost.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		a := k.changes
		who, err := byLink(ctx, tx, a.User)
		if err != nil {
			return err
		}
		switch {
		case k.Waits && a.Mail != "": // only the question is theirs, the confirmed address may be somebody else's
			a.Pending, a.CodeHash, a.PendingUntil = "", "", time.Time{}
			if err := tx.WithdrawLetters(ctx, a.User, shippost.LetterConfirm); err != nil {
				return err
			}
			return tx.SaveAddress(ctx, a)
		case k.Waits || all:
			return remove(ctx, tx, who, a.User, "link")
		}
		a.Trouble, a.Posted = 0, 0
		if err := tx.SaveAddress(ctx, a); err != nil {
			return err
		}
		if err := silence(ctx, tx, a.User); err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryMailChosen, who, map[string]any{"trouble": false, "posted": false})
	})
}

// Readers returns everybody with a confirmed address who is let in, for what concerns all.
func (b *Book) Readers(ctx context.Context, tx *store.Tx) ([]notify.Reader, error) {
	list, err := tx.Addresses(ctx)
	readers := make([]notify.Reader, 0, len(list))
	for _, a := range list {
		leave, err := b.leaveOf(a)
		if err != nil { // one who cannot be written to must not silence all others
			b.Log.Error("a person cannot be told by mail: the link that ends mail cannot be opened; see shippost doctor", "user", a.User, "err", err)
			continue
		}
		readers = append(readers, notify.Reader{User: a.User, To: a.Mail, Leave: leave + "?all"})
	}
	return readers, err
}

func (b *Book) leaveOf(a store.Address) (string, error) {
	token, err := b.Sealer.Open(a.LeaveToken, leaveRow(a.User))
	return b.leave(token), err
}

// Sweep forgets addresses that nobody confirmed, and what nobody could be told. Run it about once an hour.
func (b *Book) Sweep(ctx context.Context) error {
	return b.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.ForgetPending(ctx, tx.Now()); err != nil {
			return err
		}
		return tx.ForgetTidings(ctx, "", tx.Now().Add(-tidingsTime))
	})
}

// byLink is whoever follows a link of a mail, in the oldest of their workspaces.
func byLink(ctx context.Context, tx *store.Tx, user shippost.UserID) (shippost.Actor, error) {
	who := shippost.Actor{Kind: shippost.ActorUser, User: user}
	places, err := tx.Memberships(ctx, user)
	if len(places) > 0 {
		who.Workspace, who.Role = places[0].Workspace, places[0].Role
	}
	return who, err
}

// record writes down what became of an address, where its person sees it. The address itself is not in it.
func record(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, actor shippost.Actor, data map[string]any) error {
	return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: kind, Actor: actor, Data: data})
}
