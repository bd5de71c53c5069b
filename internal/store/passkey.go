package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Passkey is a key of a user or an administrator, with what is needed to check its signatures. No secret is in it.
type Passkey struct {
	ID         shippost.PasskeyID
	Owner      string // id of a user or of an administrator
	Credential string
	Name       string
	Record     string // as package passkey writes it
	CreatedAt  time.Time
	UsedAt     time.Time
}

var passkeys = newTable("passkeys",
	column[Passkey]{"id", func(p *Passkey) any { return &p.ID }},
	column[Passkey]{"owner", func(p *Passkey) any { return &p.Owner }},
	column[Passkey]{"credential", func(p *Passkey) any { return &p.Credential }},
	column[Passkey]{"name", func(p *Passkey) any { return &p.Name }},
	column[Passkey]{"record", func(p *Passkey) any { return &p.Record }},
	column[Passkey]{"created_at", func(p *Passkey) any { return at(&p.CreatedAt) }},
	column[Passkey]{"used_at", func(p *Passkey) any { return at(&p.UsedAt) }},
)

// InsertPasskey writes a new passkey; Conflict passkey_known when its authenticator has one here already.
func (t *Tx) InsertPasskey(ctx context.Context, p *Passkey) error {
	err := passkeys.insert(ctx, t, p)
	if duplicate(err) {
		return shippost.Errorf(shippost.Conflict, "passkey_known", "This passkey is known already.").Because(err)
	}
	return err
}

// Passkeys returns the passkeys of an owner, the oldest first.
func (t *Tx) Passkeys(ctx context.Context, owner string) ([]Passkey, error) {
	return passkeys.list(ctx, t, "WHERE owner = $1 ORDER BY created_at, id", owner)
}

// PasskeyByCredential returns the passkey with a credential; NotFound without one.
func (t *Tx) PasskeyByCredential(ctx context.Context, credential string) (Passkey, error) {
	return passkeys.get(ctx, t, missing("passkey"), "WHERE credential = $1", credential)
}

// UsePasskey notes that a passkey was used, if its record still is was.
func (t *Tx) UsePasskey(ctx context.Context, id shippost.PasskeyID, was, record string, when time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE passkeys SET record = $3, used_at = $4 WHERE id = $1 AND record = $2", id, was, record, moment(when))
}

// RenamePasskey gives a passkey of an owner another name.
func (t *Tx) RenamePasskey(ctx context.Context, owner string, id shippost.PasskeyID, name string) (bool, error) {
	return t.swap(ctx, "UPDATE passkeys SET name = $3 WHERE owner = $1 AND id = $2", owner, id, name)
}

// DeletePasskey removes a passkey of an owner.
func (t *Tx) DeletePasskey(ctx context.Context, owner string, id shippost.PasskeyID) (bool, error) {
	return t.swap(ctx, "DELETE FROM passkeys WHERE owner = $1 AND id = $2", owner, id)
}

// Ceremony is what was asked of an authenticator.
type Ceremony struct {
	Hash      string
	Purpose   string
	Owner     string
	Challenge string
	ExpiresAt time.Time
}

var ceremonies = newTable("ceremonies",
	column[Ceremony]{"token_hash", func(c *Ceremony) any { return &c.Hash }},
	column[Ceremony]{"purpose", func(c *Ceremony) any { return &c.Purpose }},
	column[Ceremony]{"owner", func(c *Ceremony) any { return &c.Owner }},
	column[Ceremony]{"challenge", func(c *Ceremony) any { return &c.Challenge }},
	column[Ceremony]{"expires_at", func(c *Ceremony) any { return at(&c.ExpiresAt) }},
)

// InsertCeremony writes a new ceremony.
func (t *Tx) InsertCeremony(ctx context.Context, c *Ceremony) error {
	return ceremonies.insert(ctx, t, c)
}

// HasCeremony reports whether something was asked of an authenticator and not answered.
func (t *Tx) HasCeremony(ctx context.Context, hash string) (bool, error) {
	var n int64
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM ceremonies WHERE token_hash = $1", hash)
	return n > 0, err
}

// TakeCeremony returns a ceremony and removes it, so that an answer counts once; NotFound without one.
func (t *Tx) TakeCeremony(ctx context.Context, hash string) (Ceremony, error) {
	c, err := ceremonies.get(ctx, t, missing("ceremony"), "WHERE token_hash = $1", hash)
	if err != nil {
		return c, err
	}
	took, err := t.swap(ctx, "DELETE FROM ceremonies WHERE token_hash = $1", hash)
	if err == nil && !took {
		err = missing("ceremony")
	}
	return c, err
}

// SweepCeremonies removes what expired before now.
func (t *Tx) SweepCeremonies(ctx context.Context, now time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM ceremonies WHERE expires_at < $1", moment(now))
}
