// Package admin lets in whoever runs the server, and shows them what they need for that: people, accounts, how the queue does,
// and who did what. Administrators are no users: nobody becomes one by signing up, a passkey is needed for every session or two other
// things that show who it is, and nothing here shows a token, a caption or a file.
package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// How long things last (reliability §13).
const (
	idle      = 15 * time.Minute
	absolute  = 8 * time.Hour
	freshness = 10 * time.Minute
	exactness = time.Minute
	codeLife  = time.Hour
	codeMeta  = "admin_code"
	spentMeta = "admin_code_spent" // the line of the file whose code was used last
	tries     = 30                 // of each step, in the window, from a network
	window    = 15 * time.Minute
)

// Options is what a Keeper needs. Only CodeFile and Post may be empty.
type Options struct {
	DB        *store.DB
	Passkeys  *passkey.Keeper
	Sealer    *seal.Sealer
	Chain     *journal.Chain
	Post      notify.Post // nil: this server sends no mail
	PublicURL string
	CodeFile  string // where the command line leaves a code while the server has the database for itself
	Now       func() time.Time
}

// Keeper lets administrators in. All methods may be called from many goroutines at once.
type Keeper struct {
	Options
	asked, failed, enrolled *auth.Tries   // questions for a sign-in, answers that were refused, codes
	codes                   []*auth.Tries // codes of each person that were refused, see backoff
}

// New returns a Keeper.
func New(o Options) *Keeper {
	counter := func(n int) *auth.Tries { return auth.NewTries(n, window, 10000) }
	k := &Keeper{Options: o, asked: counter(4 * tries), failed: counter(tries), enrolled: counter(tries)}
	for _, b := range backoff {
		k.codes = append(k.codes, auth.NewTries(b.tries, b.in, 10000))
	}
	return k
}

// Visit is where a request came from.
type Visit struct {
	Network string // truncated address
	Browser string // family only
	Request shippost.RequestID
}

// NewCode returns a code with which one administrator can be made, and the line to be stored for it. The line does not tell
// the code.
func NewCode(now time.Time) (code, line string) {
	code = newCode()
	return code, hashCode(code) + " " + strconv.FormatInt(now.Add(codeLife).Unix(), 10)
}

func hashCode(code string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, code)
	sum := sha256.Sum256([]byte(plain))
	return hex.EncodeToString(sum[:])
}

// LeaveCode stores the line of a code in the database, which a server with PostgreSQL shares with the command line.
func LeaveCode(ctx context.Context, db *store.DB, line string) error {
	return db.Update(ctx, func(tx *store.Tx) error { return tx.SetMeta(ctx, codeMeta, line) })
}

func (k *Keeper) matches(line, code string) bool {
	hash, until, _ := strings.Cut(strings.TrimSpace(line), " ")
	seconds, err := strconv.ParseInt(until, 10, 64)
	return err == nil && hash == hashCode(code) && k.Now().Before(time.Unix(seconds, 0))
}

// spend uses a code up, or refuses it.
func (k *Keeper) spend(ctx context.Context, tx *store.Tx, code string) error {
	line, err := tx.Meta(ctx, codeMeta)
	if err != nil {
		return err
	}
	if line != "" && k.matches(line, code) {
		swapped, err := tx.SwapMeta(ctx, codeMeta, line, "used")
		if err != nil || swapped {
			return err
		}
	}
	line, err = k.inFile(ctx, tx, code)
	if err != nil || line == "" {
		return cmp.Or(err, codeRefused())
	}
	spent, err := tx.Meta(ctx, spentMeta)
	if err != nil {
		return err
	}
	swapped, err := tx.SwapMeta(ctx, spentMeta, spent, line)
	if err == nil && !swapped {
		err = codeRefused()
	}
	return err
}

// inFile returns the line of the file when it is the code's, and the code was not used yet; "" otherwise.
func (k *Keeper) inFile(ctx context.Context, tx *store.Tx, code string) (string, error) {
	if k.CodeFile == "" {
		return "", nil
	}
	raw, err := os.ReadFile(k.CodeFile)
	line := strings.TrimSpace(string(raw))
	if err != nil || !k.matches(line, code) {
		return "", nil // there is none that counts
	}
	spent, err := tx.Meta(ctx, spentMeta)
	if err != nil || spent == line {
		return "", err
	}
	return line, nil
}

// tidy removes the file of a code that was used. It does not count any more in any case.
func (k *Keeper) tidy(ctx context.Context) {
	raw, err := os.ReadFile(k.CodeFile)
	if k.CodeFile == "" || err != nil {
		return
	}
	_ = k.DB.View(ctx, func(tx *store.Tx) error {
		spent, err := tx.Meta(ctx, spentMeta)
		if err == nil && spent == strings.TrimSpace(string(raw)) {
			err = os.Remove(k.CodeFile)
		}
		return err
	})
}

func codeRefused() error {
	return shippost.Errorf(shippost.Forbidden, "admin_code_refused", "This code does not count, or not any more. Get one on the server: shippost admin code.")
}

// count refuses a network that tries too much.
func (k *Keeper) count(steps *auth.Tries, v Visit) error {
	wait := steps.Count(v.Network, k.Now())
	if wait == 0 {
		return nil
	}
	e := shippost.Errorf(shippost.Wait, "too_many_tries", "Too many tries came from your network. Try again later.").With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}

// Enrolment is an administrator in the making.
type Enrolment struct {
	ID shippost.AdminID
	passkey.Question
}

// BeginEnrolment asks for the passkey of a new administrator. The code is looked at, and used up when the passkey is there.
func (k *Keeper) BeginEnrolment(ctx context.Context, v Visit, code, name string) (e Enrolment, err error) {
	if err := k.count(k.enrolled, v); err != nil {
		return e, err
	}
	if _, err := cleanName(name); err != nil {
		return e, err
	}
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		line, err := tx.Meta(ctx, codeMeta)
		if err != nil || k.matches(line, code) {
			return err
		}
		if line, err = k.inFile(ctx, tx, code); err == nil && line == "" {
			err = codeRefused()
		}
		return err
	})
	if err != nil {
		return e, err
	}
	e.ID = shippost.NewAdminID(k.Now())
	e.Question, err = k.Passkeys.AskNew(ctx, passkey.Owner{ID: string(e.ID), Name: name})
	return e, err
}

func cleanName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > 100 || strings.ContainsFunc(name, unicode.IsControl) {
		return "", shippost.Errorf(shippost.Invalid, "invalid_name", "Write a name of 1 to 100 characters.").At("name").With(shippost.RemedyEdit)
	}
	return name, nil
}

// Enrol makes an administrator and signs them in.
func (k *Keeper) Enrol(ctx context.Context, v Visit, id shippost.AdminID, code, name string, token shippost.Secret, answer []byte) (ticket auth.Ticket, err error) {
	if err := k.count(k.enrolled, v); err != nil {
		return ticket, err
	}
	if name, err = cleanName(name); err != nil {
		return ticket, err
	}
	if !shippost.ValidID("adm_", string(id)) {
		return ticket, codeRefused()
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := k.Passkeys.Add(ctx, tx, passkey.Owner{ID: string(id), Name: name}, token, answer, "First passkey"); err != nil {
			return err
		}
		if err := k.spend(ctx, tx, code); err != nil {
			return err
		}
		if err := tx.InsertAdministrator(ctx, &store.Administrator{ID: id, Name: name, CreatedAt: tx.Now()}); err != nil {
			return err
		}
		if ticket, err = k.open(ctx, tx, v, id, byPasskey); err != nil {
			return err
		}
		return k.record(ctx, tx, shippost.EntryAdminMade, v, id, nil)
	})
	if err == nil {
		k.tidy(context.WithoutCancel(ctx))
	}
	return ticket, err
}

// AskWho begins a sign-in.
func (k *Keeper) AskWho(ctx context.Context, v Visit) (q passkey.Question, err error) {
	if err := k.count(k.asked, v); err != nil {
		return q, err
	}
	return k.Passkeys.AskWho(ctx, passkey.AdminIn)
}

// SignIn lets an administrator in who answered with a passkey. The former session of the browser ends. Only answers that do not count use
// up the limit of a network: nobody keeps an administrator out by trying beside them.
func (k *Keeper) SignIn(ctx context.Context, v Visit, former, token shippost.Secret, answer []byte) (ticket auth.Ticket, err error) {
	defer func() {
		if shippost.IsKind(err, shippost.Unauthenticated) || shippost.IsKind(err, shippost.Forbidden) {
			err = cmp.Or(k.count(k.failed, v), err)
		}
	}()
	if err := k.Passkeys.Asked(ctx, token); err != nil {
		return ticket, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		owner, err := k.Passkeys.Prove(ctx, tx, passkey.AdminIn, token, answer)
		if err != nil {
			return err
		}
		admin, err := tx.Administrator(ctx, shippost.AdminID(owner))
		if shippost.IsKind(err, shippost.NotFound) || err == nil && !admin.DisabledAt.IsZero() {
			return shippost.Errorf(shippost.Forbidden, "administrators_only", "Only administrators of this server may do this.")
		}
		if err != nil {
			return err
		}
		if err := tx.DeleteAdminSession(ctx, auth.Hash(former)); err != nil {
			return err
		}
		if ticket, err = k.open(ctx, tx, v, admin.ID, byPasskey); err != nil {
			return err
		}
		return k.record(ctx, tx, shippost.EntryAdminSignedIn, v, admin.ID, map[string]any{"by": byPasskey})
	})
	return ticket, err
}

func (k *Keeper) open(ctx context.Context, tx *store.Tx, v Visit, id shippost.AdminID, by string) (auth.Ticket, error) {
	ticket := auth.Ticket{Cookie: auth.NewToken(), Life: absolute}
	now := tx.Now()
	return ticket, tx.InsertAdminSession(ctx, &store.AdminSession{Hash: auth.Hash(ticket.Cookie), Admin: id, Network: v.Network, Browser: v.Browser, OpenedBy: by,
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(absolute)})
}

// SignOut ends a session.
func (k *Keeper) SignOut(ctx context.Context, cookie shippost.Secret) error {
	if cookie.IsZero() {
		return nil
	}
	// Strangers who try cookies must not hold up those who write.
	err := k.DB.View(ctx, func(tx *store.Tx) error { _, err := tx.AdminSession(ctx, auth.Hash(cookie)); return err })
	if shippost.IsKind(err, shippost.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteAdminSession(ctx, auth.Hash(cookie)) })
}

// Authenticate returns who is asking; Unauthenticated for anybody but an administrator whose session counts.
func (k *Keeper) Authenticate(ctx context.Context, v Visit, cookie shippost.Secret) (actor shippost.Actor, name string, err error) {
	signIn := shippost.Errorf(shippost.Unauthenticated, "admin_sign_in_required", "Sign in as an administrator first.").With(shippost.RemedySignIn)
	if cookie.IsZero() {
		return actor, "", signIn
	}
	var s store.AdminSession
	var admin store.Administrator
	err = k.DB.View(ctx, func(tx *store.Tx) error {
		if s, err = tx.AdminSession(ctx, auth.Hash(cookie)); err != nil {
			return err
		}
		admin, err = tx.Administrator(ctx, s.Admin)
		return err
	})
	now := k.Now()
	switch {
	case shippost.IsKind(err, shippost.NotFound):
		return actor, "", signIn
	case err != nil:
		return actor, "", err
	case !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= idle || !admin.DisabledAt.IsZero():
		return actor, "", signIn
	}
	if now.Sub(s.SeenAt) >= exactness {
		if err := k.DB.Update(ctx, func(tx *store.Tx) error { return tx.TouchAdminSession(ctx, s.Hash, now) }); err != nil {
			return actor, "", err
		}
	}
	return shippost.Actor{Kind: shippost.ActorAdmin, Admin: admin.ID, Fresh: now.Sub(s.CreatedAt) <= freshness, Network: v.Network, Request: v.Request}, admin.Name, nil
}

// Sweep removes ended sessions. Run it about once an hour.
func (k *Keeper) Sweep(ctx context.Context) error {
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SweepAdminSessions(ctx, k.Now(), k.Now().Add(-idle))
		return err
	})
}

func (k *Keeper) record(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, v Visit, id shippost.AdminID, data map[string]any) error {
	all := map[string]any{"admin": string(id)}
	for name, value := range data {
		all[name] = value
	}
	return tx.Record(ctx, shippost.Entry{Kind: kind, Actor: shippost.Actor{Kind: shippost.ActorAdmin, Admin: id, Network: v.Network, Request: v.Request}, Data: all})
}
