package auth

import (
	"context"
	"encoding/base32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// keyPrefix lets people and secret scanners recognise a key.
const keyPrefix = "sp_"

// hintLength is how much of a key is kept readable: 30 of its 256 bits.
const hintLength = len(keyPrefix) + 6

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// CreateKey makes an API key that acts for the actor in this workspace, with the role the actor has at the time of
// each request. The key itself is returned this once. A zero expires means never.
func (k *Keeper) CreateKey(ctx context.Context, actor shippost.Actor, name string, expires time.Time) (shippost.APIKey, shippost.Secret, error) {
	if err := actor.RequireFresh(shippost.ManageKeys); err != nil {
		return shippost.APIKey{}, shippost.Secret{}, err
	}
	name = strings.TrimSpace(name)
	now := k.db.Now()
	switch {
	case name == "" || utf8.RuneCountInString(name) > 100 || strings.ContainsFunc(name, unicode.IsControl):
		return shippost.APIKey{}, shippost.Secret{}, shippost.Errorf(shippost.Invalid, "invalid_key_name",
			"Give the key a name of 1 to 100 characters that says what uses it.").At("name").With(shippost.RemedyEdit)
	case !expires.IsZero() && !expires.After(now):
		return shippost.APIKey{}, shippost.Secret{}, shippost.Errorf(shippost.Invalid, "expiry_in_the_past",
			"The key would have expired already. Choose a later date.").At("expires_at").With(shippost.RemedyEdit)
	}
	text := keyPrefix + keyEncoding.EncodeToString(random())
	secret := shippost.NewSecret(text)
	key := shippost.APIKey{ID: shippost.NewAPIKeyID(now), Workspace: actor.Workspace, User: actor.User, Name: name,
		Hint: text[:hintLength], CreatedAt: now, ExpiresAt: expires.UTC().Truncate(time.Microsecond)}
	err := k.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.InsertAPIKey(ctx, key, Hash(secret)); err != nil {
			return err
		}
		return recordKey(ctx, tx, shippost.EntryKeyCreated, actor, key)
	})
	if err != nil {
		return shippost.APIKey{}, shippost.Secret{}, err
	}
	return key, secret, nil
}

// Keys returns all keys of the workspace, also revoked and expired ones, the newest first.
func (k *Keeper) Keys(ctx context.Context, actor shippost.Actor) ([]shippost.APIKey, error) {
	if err := actor.Require(shippost.ManageKeys); err != nil {
		return nil, err
	}
	var keys []shippost.APIKey
	err := k.db.View(ctx, func(tx *store.Tx) (err error) {
		keys, err = tx.APIKeys(ctx, actor.Workspace)
		return err
	})
	return keys, err
}

// RevokeKey ends a key of the workspace. It works for nothing from the next request on.
func (k *Keeper) RevokeKey(ctx context.Context, actor shippost.Actor, id shippost.APIKeyID) error {
	if err := actor.RequireFresh(shippost.ManageKeys); err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.RevokeAPIKey(ctx, actor.Workspace, id, k.now())
		if err != nil {
			return err
		}
		if !done {
			return shippost.Errorf(shippost.NotFound, "key_not_found", "There is no such key in this workspace, or it was revoked before.")
		}
		return recordKey(ctx, tx, shippost.EntryKeyRevoked, actor, shippost.APIKey{ID: id, Workspace: actor.Workspace})
	})
}

func (k *Keeper) revokeAll(ctx context.Context, tx *store.Tx, actor shippost.Actor) error {
	keys, err := tx.RevokeAPIKeysOf(ctx, actor.User, k.now())
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := recordKey(ctx, tx, shippost.EntryKeyRevoked, actor, key); err != nil {
			return err
		}
	}
	return nil
}

// recordKey writes what happened to a key. Its name is chosen by a person and may be personal.
func recordKey(ctx context.Context, tx *store.Tx, kind shippost.EntryKind, actor shippost.Actor, key shippost.APIKey) error {
	e := shippost.Entry{Workspace: key.Workspace, Kind: kind, Actor: actor, Data: map[string]any{"key": string(key.ID)}}
	if key.Name != "" {
		e.Personal = map[string]string{"name": key.Name}
	}
	return tx.Record(ctx, e)
}
