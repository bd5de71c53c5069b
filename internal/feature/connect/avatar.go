package connect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// The pictures of creators are kept here, because addresses at the platform expire and would tell it who looks.
const (
	avatarFolder = "avatar"
	avatarLife   = 24 * time.Hour // after which a picture is asked for anew
	avatarsOnce  = 100            // accounts in one run
)

func avatarKey(id shippost.AccountID) string { return blob.Key(avatarFolder, string(id)) }

// Avatar returns the picture of an account of the workspace, always a small JPEG; NotFound when there is none.
func (d *Desk) Avatar(ctx context.Context, actor shippost.Actor, id shippost.AccountID) ([]byte, error) {
	account, err := d.Account(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	none := shippost.Errorf(shippost.NotFound, "no_avatar", "This account has no picture to show.")
	if account.Avatar == "" || d.Bucket == nil {
		return nil, none
	}
	r, err := d.Bucket.Open(ctx, avatarKey(id), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	picture, err := io.ReadAll(r)
	return picture, errors.Join(err, r.Close())
}

// DropAvatar removes the picture of an account for good.
func (d *Desk) DropAvatar(ctx context.Context, id shippost.AccountID) error {
	if d.Bucket == nil {
		return nil
	}
	return d.Bucket.Delete(ctx, avatarKey(id))
}

// dropOrphans removes pictures whose accounts are gone or were made nameless: one may have been on its way meanwhile.
func (d *Desk) dropOrphans(ctx context.Context) error {
	if d.Bucket == nil {
		return nil
	}
	var errs []error
	for info, err := range d.Bucket.List(ctx, avatarFolder) {
		if err != nil {
			return fmt.Errorf("list the pictures: %w", err)
		}
		id := shippost.AccountID(strings.TrimPrefix(info.Key, avatarFolder+"/"))
		var account shippost.Account
		err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
			account, err = tx.AccountOfAny(ctx, id)
			return err
		})
		switch {
		case shippost.IsKind(err, shippost.NotFound) || err == nil && account.Subject == "":
			errs = append(errs, d.Bucket.Delete(ctx, info.Key))
		case err != nil:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fetchAvatar fetches the picture from where the account says it is. A picture that cannot be had is no trouble: the
// account is shown without, and it is asked for again a day later.
func (d *Desk) fetchAvatar(ctx context.Context, id shippost.AccountID) error {
	account, p, err := d.portrayed(ctx, id)
	if err != nil || p == nil {
		return err
	}
	hash := account.Avatar
	if data, err := p.Avatar(ctx, account.AvatarURL); err != nil {
		d.Log.Info("the picture of an account could not be fetched", "account", id, "err", err)
	} else if picture, err := probe.RecodeAvatar(data); err != nil {
		d.Log.Info("the picture of an account cannot be used", "account", id, "err", err)
	} else {
		sum := sha256.Sum256(picture)
		hash = hex.EncodeToString(sum[:])
		if _, err := d.Bucket.Put(ctx, avatarKey(id), bytes.NewReader(picture)); err != nil {
			return err
		}
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.SaveAvatar(ctx, id, hash, tx.Now()); err != nil || hash == account.Avatar {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: account.Workspace, Kind: shippost.EntryAccountChanged, Actor: shippost.System(account.Workspace),
			Account: id, Data: map[string]any{"what": "avatar"}})
	})
}

// portrayed returns an account whose platform has a picture of it; a nil Portrayer when there is none to be had.
func (d *Desk) portrayed(ctx context.Context, id shippost.AccountID) (account shippost.Account, p platform.Portrayer, err error) {
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		account, err = tx.AccountOfAny(ctx, id)
		return err
	})
	if err != nil || account.Status == shippost.AccountDisconnected || account.AvatarURL == "" || d.Bucket == nil {
		return account, nil, err
	}
	if pf := d.Platforms[account.Platform]; pf != nil {
		p, _ = platform.Can[platform.Portrayer](pf)
	}
	return account, p, nil
}

// RenewAvatars asks for pictures that are a day old anew. Their addresses have expired, so the platform is asked for those
// first. Run it about once an hour.
func (d *Desk) RenewAvatars(ctx context.Context) error {
	var old []shippost.Account
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		old, err = tx.AccountsToPortray(ctx, d.DB.Now().Add(-avatarLife), avatarsOnce)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, account := range old {
		if err := d.renewAvatar(ctx, account); err != nil {
			errs = append(errs, fmt.Errorf("renew the picture of %s: %w", account.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (d *Desk) renewAvatar(ctx context.Context, account shippost.Account) error {
	_, authorizer, err := d.authorizer(account.Platform)
	if err != nil {
		return nil // a platform that this server does not know any more
	}
	who, err := d.identify(ctx, authorizer, account)
	if err != nil {
		d.Log.Info("the profile of an account could not be read", "account", account.ID, "err", err)
	} else if who.Subject == account.Subject {
		account.Name, account.AvatarURL = who.Name, who.AvatarURL
		if who.Handle != "" {
			account.Handle = who.Handle
		}
		err := d.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.SaveProfile(ctx, account); return err })
		if err != nil {
			return err
		}
	}
	return d.fetchAvatar(ctx, account.ID)
}

func (d *Desk) identify(ctx context.Context, a platform.Authorizer, account shippost.Account) (platform.Identity, error) {
	token, err := d.Vault.For(account.ID).Token(ctx)
	if err != nil {
		return platform.Identity{}, err
	}
	return a.Identify(ctx, token, account.Scopes)
}
