package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// By what a session was opened.
const (
	byPasskey  = "passkey"
	byApp      = "app"
	byRecovery = "recovery"
)

// howMany recovery codes there are, how long an app may take to be set up, and how long it is told that a recovery code was used.
const (
	howMany    = 10
	setUpTime  = freshness
	noticeTime = 30 * 24 * time.Hour
)

// backoff says how many wrong codes of one person are taken: the more, the longer the wait. Nobody is kept out for good, and a passkey
// always works.
var backoff = []struct {
	tries int
	in    time.Duration
}{{10, window}, {20, 2 * time.Hour}, {40, 24 * time.Hour}}

// decoyID stands for the administrator that somebody is not, so that trying takes as long as for one.
const decoyID shippost.AdminID = "adm_nobody"

func seedRow(id shippost.AdminID, column string) seal.Row {
	return seal.Row{Table: "admin_fallbacks", Column: column, ID: string(id)}
}

// makeDecoy seals a seed of nobody's.
func (k *Keeper) makeDecoy() (string, error) {
	fresh, err := key(shippost.Secret{}, k.PublicURL)
	if err != nil {
		return "", err
	}
	return k.Sealer.Seal(shippost.NewSecret(fresh.Secret()), seedRow(decoyID, "seed"))
}

// Own is what administrators see of how they get in.
type Own struct {
	Passkeys    []store.Passkey
	ByPasskey   bool            // this session was opened with one
	User        shippost.UserID // who they are when they sign in to the product; "" until they said so
	Person      string          // their name there
	AppAt       time.Time       // when the authenticator app was set up; zero for none
	Codes       int64           // recovery codes that are left
	RecoveredAt time.Time       // when the latest of them was used; zero for none
	Recently    bool            // that was not long ago
}

// Own returns how the actor gets in.
func (k *Keeper) Own(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) (own Own, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return own, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		s, err := tx.AdminSession(ctx, auth.Hash(cookie))
		if err != nil {
			return err
		}
		own.ByPasskey = s.OpenedBy == byPasskey
		if own.Passkeys, err = tx.Passkeys(ctx, string(actor.Admin)); err != nil {
			return err
		}
		f, err := tx.AdminFallback(ctx, actor.Admin)
		if shippost.IsKind(err, shippost.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		user, err := tx.User(ctx, f.User)
		if err != nil {
			return err
		}
		own.User, own.Person, own.AppAt, own.RecoveredAt = f.User, user.Name, f.AppAt, f.RecoveredAt
		own.Recently = !f.RecoveredAt.IsZero() && k.Now().Sub(f.RecoveredAt) < noticeTime
		own.Codes, err = tx.CountAdminCodes(ctx, actor.Admin)
		return err
	})
	return own, err
}

// may lets administrators change how they get in: within ten minutes of a sign-in, and by the way in that how names. Whoever came in
// without a passkey may bring one back, and touch nothing else.
func may(ctx context.Context, tx *store.Tx, actor shippost.Actor, cookie shippost.Secret, how string) error {
	if err := actor.RequireFreshAdmin(); err != nil {
		return err
	}
	s, err := tx.AdminSession(ctx, auth.Hash(cookie))
	if err != nil {
		return err
	}
	if s.Admin != actor.Admin || how != "" && s.OpenedBy != how {
		return shippost.Errorf(shippost.Forbidden, "passkey_required", "This takes a sign-in with your passkey. Sign in with it, then repeat this.").With(shippost.RemedySignIn)
	}
	return nil
}

// change does something about how the actor gets in, writes it down, and ends all their other sessions.
func (k *Keeper) change(ctx context.Context, actor shippost.Actor, cookie shippost.Secret, how string, kind shippost.EntryKind, data map[string]any, fn func(tx *store.Tx) error) error {
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		if err := may(ctx, tx, actor, cookie, how); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.DeleteOtherAdminSessions(ctx, actor.Admin, auth.Hash(cookie)); err != nil {
			return err
		}
		return k.record(ctx, tx, kind, Visit{Network: actor.Network, Request: actor.Request}, actor.Admin, data)
	})
}

func what(text string) map[string]any { return map[string]any{"what": text} }

// AskPasskey begins to add a passkey of the actor.
func (k *Keeper) AskPasskey(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) (q passkey.Question, err error) {
	var admin store.Administrator
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		if err := may(ctx, tx, actor, cookie, ""); err != nil {
			return err
		}
		admin, err = tx.Administrator(ctx, actor.Admin)
		return err
	})
	if err != nil {
		return q, err
	}
	return k.Passkeys.AskNew(ctx, passkey.Owner{ID: string(admin.ID), Name: admin.Name})
}

// AddPasskey stores a passkey of the actor.
func (k *Keeper) AddPasskey(ctx context.Context, actor shippost.Actor, cookie, token shippost.Secret, answer []byte, name string) error {
	data := map[string]any{}
	return k.change(ctx, actor, cookie, "", shippost.EntryPasskeyAdded, data, func(tx *store.Tx) error {
		p, err := k.Passkeys.Add(ctx, tx, passkey.Owner{ID: string(actor.Admin)}, token, answer, name)
		data["passkey"] = string(p.ID)
		return err
	})
}

// RemovePasskey removes a passkey of the actor, but not the last one.
func (k *Keeper) RemovePasskey(ctx context.Context, actor shippost.Actor, cookie shippost.Secret, id shippost.PasskeyID) error {
	return k.change(ctx, actor, cookie, byPasskey, shippost.EntryPasskeyRemoved, map[string]any{"passkey": string(id)}, func(tx *store.Tx) error {
		gone, err := tx.DeletePasskey(ctx, string(actor.Admin), id)
		if err != nil {
			return err
		}
		if !gone {
			return shippost.Errorf(shippost.NotFound, "passkey_not_found", "This passkey does not exist, or is not yours.")
		}
		left, err := tx.Passkeys(ctx, string(actor.Admin))
		if err == nil && len(left) == 0 {
			err = shippost.Errorf(shippost.Conflict, "last_passkey", "This is your only passkey. Add another one first.")
		}
		return err
	})
}

// NamePerson says who the actor is when they sign in to the product. person is whoever is signed in there with the same browser, within
// the last ten minutes.
func (k *Keeper) NamePerson(ctx context.Context, actor shippost.Actor, cookie shippost.Secret, person shippost.Actor) error {
	return k.change(ctx, actor, cookie, byPasskey, shippost.EntryAdminFactors, map[string]any{"what": "person named", "user": string(person.User)}, func(tx *store.Tx) error {
		if err := signedIn(person); err != nil {
			return err
		}
		return tx.InsertAdminFallback(ctx, &store.AdminFallback{Admin: actor.Admin, User: person.User, CreatedAt: tx.Now()})
	})
}

// signedIn lets pass people who signed in to the product within the last ten minutes. A program's key is no sign-in.
func signedIn(person shippost.Actor) error {
	if person.RequireFresh(shippost.ReadWorkspace) != nil {
		return shippost.Errorf(shippost.Unauthenticated, "sign_in_required", "Sign in to ShipPost itself first. It has to be of the last ten minutes.").With(shippost.RemedySignIn)
	}
	return nil
}

// ForgetPerson ends every way in but passkeys.
func (k *Keeper) ForgetPerson(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) error {
	return k.change(ctx, actor, cookie, byPasskey, shippost.EntryAdminFactors, what("fallback ended"), func(tx *store.Tx) error {
		gone, err := tx.DeleteAdminFallback(ctx, actor.Admin)
		if err == nil && !gone {
			err = personMissing()
		}
		return err
	})
}

func personMissing() error {
	return shippost.Errorf(shippost.Conflict, "person_missing", "First say who you are when you sign in to ShipPost.")
}

// App is an authenticator app that is being set up.
type App struct {
	Secret  string // to type, where the picture cannot be taken
	Name    string // as the app lists it
	Picture []byte // SVG
}

// AskApp begins to set up an authenticator app. The one before counts until the new one has shown its first code.
func (k *Keeper) AskApp(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) error {
	fresh, err := key(shippost.Secret{}, k.PublicURL)
	if err != nil {
		return err
	}
	sealed, err := k.Sealer.Seal(shippost.NewSecret(fresh.Secret()), seedRow(actor.Admin, "pending"))
	if err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		if err := may(ctx, tx, actor, cookie, byPasskey); err != nil {
			return err
		}
		asked, err := tx.AskAdminSeed(ctx, actor.Admin, sealed, tx.Now().Add(setUpTime))
		if err == nil && !asked {
			err = personMissing()
		}
		return err
	})
}

// NewApp returns the app that is being set up; NotFound app_not_asked when none is, or not any more.
func (k *Keeper) NewApp(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) (app App, err error) {
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		if err := may(ctx, tx, actor, cookie, byPasskey); err != nil {
			return err
		}
		_, seed, err := k.pending(ctx, tx, actor.Admin)
		if err != nil {
			return err
		}
		shown, err := key(seed, k.PublicURL)
		if err != nil {
			return err
		}
		app.Secret, app.Name = grouped(seed.Reveal()), shown.Issuer()+", "+shown.AccountName()
		app.Picture, err = draw(shown.URL())
		return err
	})
	return app, err
}

// grouped writes a seed so that it can be typed.
func grouped(seed string) string {
	var b strings.Builder
	for i, r := range seed {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (k *Keeper) pending(ctx context.Context, tx *store.Tx, id shippost.AdminID) (f store.AdminFallback, seed shippost.Secret, err error) {
	f, err = tx.AdminFallback(ctx, id)
	if shippost.IsKind(err, shippost.NotFound) || err == nil && (f.Pending == "" || !tx.Now().Before(f.PendingUntil)) {
		return f, seed, shippost.Errorf(shippost.NotFound, "app_not_asked", "Setting up the app took too long, or was done already. Begin anew.")
	}
	if err != nil {
		return f, seed, err
	}
	seed, err = k.Sealer.Open(f.Pending, seedRow(id, "pending"))
	return f, seed, err
}

// ConfirmApp ends setting up an app, with its first code.
func (k *Keeper) ConfirmApp(ctx context.Context, actor shippost.Actor, cookie shippost.Secret, code string) error {
	return k.change(ctx, actor, cookie, byPasskey, shippost.EntryAdminFactors, what("app set up"), func(tx *store.Tx) error {
		f, seed, err := k.pending(ctx, tx, actor.Admin)
		if err != nil {
			return err
		}
		step, err := stepOf(seed, code, tx.Now())
		if err != nil {
			return err
		}
		if step == 0 {
			return shippost.Errorf(shippost.Invalid, "first_code_wrong", "That is not the code that the app should show now. Wait for its next one, and check that the clock of the device is right.").At("code").With(shippost.RemedyRetry)
		}
		sealed, err := k.Sealer.Seal(seed, seedRow(actor.Admin, "seed"))
		if err != nil {
			return err
		}
		set, err := tx.SetAdminSeed(ctx, actor.Admin, f.Pending, sealed, step, tx.Now())
		if err == nil && !set {
			err = shippost.Errorf(shippost.Conflict, "app_not_asked", "Setting up the app was begun anew meanwhile. Look there.")
		}
		return err
	})
}

// RemoveApp forgets the authenticator app of the actor.
func (k *Keeper) RemoveApp(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) error {
	return k.change(ctx, actor, cookie, byPasskey, shippost.EntryAdminFactors, what("app removed"), func(tx *store.Tx) error {
		gone, err := tx.DropAdminSeed(ctx, actor.Admin)
		if err == nil && !gone {
			err = shippost.Errorf(shippost.NotFound, "app_not_found", "You have no authenticator app here.")
		}
		return err
	})
}

// NewCodes makes the recovery codes of the actor anew. They are returned here and nowhere else; earlier ones do not count any more.
func (k *Keeper) NewCodes(ctx context.Context, actor shippost.Actor, cookie shippost.Secret) (codes []string, err error) {
	err = k.change(ctx, actor, cookie, byPasskey, shippost.EntryAdminFactors, what("recovery codes made"), func(tx *store.Tx) error {
		_, err := tx.AdminFallback(ctx, actor.Admin)
		if shippost.IsKind(err, shippost.NotFound) {
			return personMissing()
		}
		if err != nil {
			return err
		}
		codes = nil
		var hashes []string
		for range howMany {
			code := newCode()
			codes, hashes = append(codes, code), append(hashes, hashCode(code))
		}
		return tx.SetAdminCodes(ctx, actor.Admin, hashes)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// newCode returns 100 random bits as people can write them down.
func newCode() string {
	text := strings.ToLower(rand.Text())[:20]
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:]
}

// proof is what showed that it is an administrator: a code of the app, or a recovery code.
type proof struct {
	store.AdminFallback
	by   string
	step int64
	hash string
}

// SignInByCode lets an administrator in without a passkey. Who it is, is certain by person: whoever signed in to the product with the
// same browser within the last ten minutes. That it is them is shown besides, by a code of their authenticator app or by a recovery code;
// neither counts twice. Whoever is no administrator, has neither, or is wrong, gets the same answer after the same work. The former
// session of the browser ends.
func (k *Keeper) SignInByCode(ctx context.Context, v Visit, person shippost.Actor, former shippost.Secret, code string) (ticket auth.Ticket, err error) {
	if err := signedIn(person); err != nil {
		return ticket, err
	}
	// Counted before it is looked at: of many tries at once no more than the limit are.
	if err := k.countCode(v, person.User); err != nil {
		return ticket, err
	}
	p, err := k.check(ctx, person.User, code)
	if err == nil {
		err = k.DB.Update(ctx, func(tx *store.Tx) error {
			ticket, err = k.enter(ctx, tx, v, p, former)
			return err
		})
	}
	switch {
	case err == nil:
		k.forgive(v, person.User)
	case shippost.IsCode(err, "code_refused"):
		// By itself: what the refusal undid must not undo this.
		noted := k.DB.Update(ctx, func(tx *store.Tx) error {
			return tx.Record(ctx, shippost.Entry{Kind: shippost.EntrySignInRefused, Data: map[string]any{"to": "administration"},
				Actor: shippost.Actor{Kind: shippost.ActorUser, User: person.User, Network: v.Network, Request: v.Request}})
		})
		err = cmp.Or(noted, err)
	}
	return ticket, err
}

func codeRefusedHere() error {
	return shippost.Errorf(shippost.Forbidden, "code_refused", "This code does not let you in. Each counts once: wait for the next one of your app, or take another recovery code.").With(shippost.RemedyRetry)
}

// check returns what a code proves. It does the same for everybody, also for whoever is no administrator.
func (k *Keeper) check(ctx context.Context, person shippost.UserID, code string) (p proof, err error) {
	// It is made anew each time: the keys it was sealed with may be retired meanwhile.
	decoy, err := k.makeDecoy()
	if err != nil {
		return p, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		f, err := tx.AdminFallbackOf(ctx, person)
		if shippost.IsKind(err, shippost.NotFound) {
			f.Admin, err = decoyID, nil
		}
		if err != nil {
			return err
		}
		p = proof{AdminFallback: f, hash: hashCode(code)}
		sealed, row := f.Seed, seedRow(f.Admin, "seed")
		if sealed == "" {
			sealed, row = decoy, seedRow(decoyID, "seed")
		}
		seed, err := k.Sealer.Open(sealed, row)
		if err != nil {
			return err
		}
		if p.step, err = stepOf(seed, code, tx.Now()); err != nil {
			return err
		}
		known, err := tx.HasAdminCode(ctx, f.Admin, p.hash)
		switch {
		case err != nil:
			return err
		case f.Seed != "" && p.step > f.UsedStep:
			p.by = byApp
		case known:
			p.by = byRecovery
		default:
			return codeRefusedHere()
		}
		return nil
	})
	return p, err
}

// enter uses up what was shown and opens a session.
func (k *Keeper) enter(ctx context.Context, tx *store.Tx, v Visit, p proof, former shippost.Secret) (ticket auth.Ticket, err error) {
	admin, err := tx.Administrator(ctx, p.Admin)
	if err != nil {
		return ticket, err
	}
	used := false
	if p.by == byApp {
		used, err = tx.UseAdminStep(ctx, p.Admin, p.Seed, p.step)
	} else {
		used, err = tx.UseAdminCode(ctx, p.Admin, p.hash, tx.Now())
	}
	if err != nil {
		return ticket, err
	}
	if !used || !admin.DisabledAt.IsZero() { // on another node, a moment ago
		return ticket, codeRefusedHere()
	}
	if err := tx.DeleteAdminSession(ctx, auth.Hash(former)); err != nil {
		return ticket, err
	}
	if ticket, err = k.open(ctx, tx, v, p.Admin, p.by); err != nil {
		return ticket, err
	}
	kind := shippost.EntryAdminSignedIn
	if p.by == byRecovery {
		kind = shippost.EntryAdminRecovered
		if err := k.tell(ctx, tx, p); err != nil {
			return ticket, err
		}
	}
	return ticket, k.record(ctx, tx, kind, v, p.Admin, map[string]any{"by": p.by})
}

// tell writes to the confirmed address of whoever used a recovery code, if they have one: it may have been somebody else.
func (k *Keeper) tell(ctx context.Context, tx *store.Tx, p proof) error {
	if k.Post == nil {
		return nil
	}
	a, err := tx.Address(ctx, p.User)
	if shippost.IsKind(err, shippost.NotFound) || err == nil && a.Mail == "" {
		return nil
	}
	if err != nil {
		return err
	}
	left, err := tx.CountAdminCodes(ctx, p.Admin)
	if err != nil {
		return err
	}
	return k.Post(ctx, tx, notify.Letter{Once: "recovered/" + p.hash, Kind: shippost.LetterRecovered, User: p.User, To: a.Mail,
		Facts: map[string]any{"When": tx.Now().UTC().Format("2 January 2006, 15:04") + " UTC", "Left": left, "Page": k.PublicURL + "/admin/factors"}})
}

// limits are what a try of a person with a code counts for: their own, and those of the network.
func (k *Keeper) limits(v Visit, person shippost.UserID, fn func(count *auth.Tries, sender string)) {
	fn(k.failed, "code "+v.Network)
	for _, count := range k.codes {
		fn(count, string(person))
	}
}

// countCode counts a try with a code, and refuses one too many. Whoever has to wait anyway makes it no longer by trying.
func (k *Keeper) countCode(v Visit, person shippost.UserID) error {
	var wait time.Duration
	now := k.Now()
	k.limits(v, person, func(count *auth.Tries, sender string) { wait = max(wait, count.Wait(sender, now)) })
	if wait == 0 {
		// Of many at once some come too late here.
		k.limits(v, person, func(count *auth.Tries, sender string) { wait = max(wait, count.Count(sender, now)) })
	}
	if wait == 0 {
		return nil
	}
	e := shippost.Errorf(shippost.Wait, "too_many_codes", "Too many codes were wrong. Use your passkey, or wait %s.", minutes(wait)).With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}

func minutes(wait time.Duration) string {
	n := int((wait + time.Minute - 1) / time.Minute)
	switch {
	case n > 90:
		return fmt.Sprintf("%d hours", (n+59)/60)
	case n == 1:
		return "a minute"
	}
	return fmt.Sprintf("%d minutes", n)
}

// forgive takes back what countCode counted: only what is wrong counts.
func (k *Keeper) forgive(v Visit, person shippost.UserID) {
	k.limits(v, person, func(count *auth.Tries, sender string) { count.Forgive(sender) })
}
