// Package passkey lets people and administrators prove who they are with a passkey: a key that their device keeps and
// unlocks with a finger, a face or a number. Only public keys are stored. It says who somebody is; what they may do is the
// business of packages auth and admin.
package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/store"
)

const (
	life   = 10 * time.Minute // of a question to an authenticator
	perOne = 20               // passkeys of one person
)

// What a ceremony is for. An answer to one of them is worth nothing for another.
const (
	add     = "add"
	SignIn  = "sign_in" // a person signs in
	AdminIn = "admin"   // an administrator signs in
)

// Options is what a Keeper needs. All fields are required.
type Options struct {
	DB        *store.DB
	PublicURL string
	Now       func() time.Time
}

// Keeper asks authenticators and checks their answers. All methods may be called from many goroutines at once.
type Keeper struct {
	Options
	party *webauthn.WebAuthn // nil where browsers allow no passkeys
}

// New returns a Keeper. Browsers allow passkeys for names only: at an address such as 127.0.0.1 it offers none.
func New(o Options) *Keeper {
	k := &Keeper{Options: o}
	u, err := url.Parse(o.PublicURL)
	if err != nil {
		return k
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return k
	}
	required := true
	party, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "ShipPost", RPOrigins: []string{o.PublicURL},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired}})
	if err == nil {
		k.party = party
	}
	return k
}

// Available reports whether this server can offer passkeys.
func (k *Keeper) Available() bool { return k.party != nil }

func unavailable() error {
	return shippost.Errorf(shippost.Unavailable, "passkeys_unavailable", "Passkeys need a host name. Whoever runs this server has to give it one.").With(shippost.RemedyOperator)
}

// Owner is a person or an administrator.
type Owner struct {
	ID   string // of the user or the administrator
	Name string
}

// Question is what the browser asks its authenticator, and the token that the answer comes back with.
type Question struct {
	Token   shippost.Secret
	Options json.RawMessage
}

// holder is an owner as the library wants them.
type holder struct {
	Owner
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.ID) }
func (h holder) WebAuthnName() string                       { return h.Name }
func (h holder) WebAuthnDisplayName() string                { return h.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

func (k *Keeper) holder(ctx context.Context, tx *store.Tx, o Owner) (holder, error) {
	h := holder{Owner: o}
	rows, err := tx.Passkeys(ctx, o.ID)
	for _, row := range rows {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(row.Record), &c); err != nil {
			return h, err
		}
		h.credentials = append(h.credentials, c)
	}
	return h, err
}

// AskNew begins to add a passkey for an owner.
func (k *Keeper) AskNew(ctx context.Context, owner Owner) (q Question, err error) {
	if k.party == nil {
		return q, unavailable()
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		h, err := k.holder(ctx, tx, owner)
		if err != nil {
			return err
		}
		if len(h.credentials) >= perOne {
			return shippost.Errorf(shippost.Conflict, "too_many_passkeys", "You have %d passkeys already. Remove one first.", perOne)
		}
		var known []protocol.CredentialDescriptor
		for _, c := range h.credentials {
			known = append(known, c.Descriptor())
		}
		options, session, err := k.party.BeginRegistration(h, webauthn.WithExclusions(known))
		if err != nil {
			return err
		}
		q, err = k.keep(ctx, tx, add, owner.ID, session, options.Response)
		return err
	})
	return q, err
}

// AskWho begins a sign-in for a purpose: whoever has a passkey of this server answers.
func (k *Keeper) AskWho(ctx context.Context, purpose string) (q Question, err error) {
	if k.party == nil {
		return q, unavailable()
	}
	options, session, err := k.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return q, err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		q, err = k.keep(ctx, tx, purpose, "", session, options.Response)
		return err
	})
	return q, err
}

func (k *Keeper) keep(ctx context.Context, tx *store.Tx, purpose, owner string, session *webauthn.SessionData, options any) (q Question, err error) {
	text, err := json.Marshal(session)
	if err != nil {
		return q, err
	}
	if q.Options, err = json.Marshal(options); err != nil {
		return q, err
	}
	q.Token = auth.NewToken()
	return q, tx.InsertCeremony(ctx, &store.Ceremony{Hash: auth.Hash(q.Token), Purpose: purpose, Owner: owner, Challenge: string(text), ExpiresAt: tx.Now().Add(life)})
}

func refused(cause error) error {
	e := shippost.Errorf(shippost.Unauthenticated, "passkey_refused", "That passkey did not work here. Try again, or use another one.").With(shippost.RemedyRetry)
	if cause != nil {
		return e.Because(cause)
	}
	return e
}

// take returns what was asked, once.
func (k *Keeper) take(ctx context.Context, tx *store.Tx, token shippost.Secret, purpose string) (c store.Ceremony, session webauthn.SessionData, err error) {
	c, err = tx.TakeCeremony(ctx, auth.Hash(token))
	switch {
	case shippost.IsKind(err, shippost.NotFound):
		return c, session, refused(err)
	case err != nil:
		return c, session, err
	case c.Purpose != purpose || !tx.Now().Before(c.ExpiresAt):
		return c, session, refused(nil)
	}
	return c, session, json.Unmarshal([]byte(c.Challenge), &session)
}

// Add stores the passkey that answers the question of token, in a transaction that does what follows from it.
func (k *Keeper) Add(ctx context.Context, tx *store.Tx, owner Owner, token shippost.Secret, answer []byte, name string) (store.Passkey, error) {
	name, err := cleanName(name)
	if err != nil {
		return store.Passkey{}, err
	}
	if k.party == nil {
		return store.Passkey{}, unavailable()
	}
	c, session, err := k.take(ctx, tx, token, add)
	if err != nil {
		return store.Passkey{}, err
	}
	if c.Owner != owner.ID {
		return store.Passkey{}, refused(nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return store.Passkey{}, refused(err)
	}
	h, err := k.holder(ctx, tx, owner)
	if err != nil {
		return store.Passkey{}, err
	}
	credential, err := k.party.CreateCredential(h, session, parsed)
	if err != nil {
		return store.Passkey{}, refused(err)
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return store.Passkey{}, err
	}
	p := store.Passkey{ID: shippost.NewPasskeyID(tx.Now()), Owner: owner.ID, Credential: base64.RawURLEncoding.EncodeToString(credential.ID), Name: name,
		Record: string(record), CreatedAt: tx.Now()}
	return p, tx.InsertPasskey(ctx, &p)
}

// Asked fails for a token of which nothing is known. Ask it before the transaction of an answer: strangers who try tokens must not hold
// up those who write.
func (k *Keeper) Asked(ctx context.Context, token shippost.Secret) error {
	return k.DB.View(ctx, func(tx *store.Tx) error {
		asked, err := tx.HasCeremony(ctx, auth.Hash(token))
		if err == nil && !asked {
			err = refused(nil)
		}
		return err
	})
}

// Prove returns the id of whoever answered the question of token.
func (k *Keeper) Prove(ctx context.Context, tx *store.Tx, purpose string, token shippost.Secret, answer []byte) (owner string, err error) {
	if k.party == nil {
		return "", unavailable()
	}
	_, session, err := k.take(ctx, tx, token, purpose)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", refused(err)
	}
	var row store.Passkey
	_, credential, err := k.party.ValidatePasskeyLogin(func(id, handle []byte) (webauthn.User, error) {
		row, err = tx.PasskeyByCredential(ctx, base64.RawURLEncoding.EncodeToString(id))
		if err != nil {
			return nil, err
		}
		if row.Owner != string(handle) {
			return nil, refused(nil)
		}
		return k.holder(ctx, tx, Owner{ID: row.Owner})
	}, session, parsed)
	if err != nil {
		return "", refused(err)
	}
	if credential.Authenticator.CloneWarning {
		return "", refused(nil) // somebody has a copy of it
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return "", err
	}
	used, err := tx.UsePasskey(ctx, row.ID, row.Record, string(record), tx.Now())
	if err == nil && !used {
		err = refused(nil)
	}
	return row.Owner, err
}

// Sweep removes questions that nobody answered. Run it about once an hour.
func (k *Keeper) Sweep(ctx context.Context) error {
	return k.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.SweepCeremonies(ctx, k.Now()); return err })
}

// cleanName returns a passkey's name as it is kept.
func cleanName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" {
		name = "Passkey"
	}
	if utf8.RuneCountInString(name) > 60 || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		return "", shippost.Errorf(shippost.Invalid, "invalid_passkey_name", "Give the passkey a name of at most 60 characters.").At("name").With(shippost.RemedyEdit)
	}
	return name, nil
}
