package connect

import (
	"context"
	"errors"
	"fmt"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Parting is how a disconnection ended. The account is disconnected in any case.
type Parting struct {
	Account shippost.Account
	Revoked bool // the platform confirmed that our access is gone
}

// Disconnect ends an account. The transaction that marks it also ends its posts, so that nothing more is sent; then
// the platform is asked to revoke the grant, and our copy is deleted whatever it answers. If we die in between, the
// grant is still there for FinishPartings. Disconnecting twice does nothing more.
func (d *Desk) Disconnect(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (Parting, error) {
	if err := actor.Require(shippost.ManageAccounts); err != nil {
		return Parting{}, err
	}
	var account shippost.Account
	var ended bool
	err := d.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if account, err = tx.Account(ctx, actor.Workspace, id); err != nil {
			return err
		}
		ended = account.Status != shippost.AccountDisconnected
		if !ended {
			return nil
		}
		account, err = d.end(ctx, tx, actor, account)
		return err
	})
	if err != nil || !ended {
		return Parting{Account: account}, err
	}
	revoked, err := d.part(ctx, account)
	return Parting{Account: account, Revoked: revoked}, err
}

func (d *Desk) end(ctx context.Context, tx *store.Tx, actor shippost.Actor, account shippost.Account) (shippost.Account, error) {
	epoch := account.Epoch
	account.Status, account.StatusReason = shippost.AccountDisconnected, ""
	account.Epoch, account.DisconnectedAt = epoch+1, tx.Now()
	changed, err := tx.SetAccountStatus(ctx, account, epoch)
	if err != nil {
		return account, err
	}
	if !changed {
		return account, shippost.Errorf(shippost.Conflict, "account_changed", "Somebody else connected or disconnected this account at the same moment. Try again.").With(shippost.RemedyRetry)
	}
	if err := d.Posts.AccountEnded(ctx, tx, account); err != nil {
		return account, fmt.Errorf("end the posts of an account: %w", err)
	}
	return account, tx.Record(ctx, shippost.Entry{Workspace: account.Workspace, Kind: shippost.EntryAccountDisconnected, Actor: actor,
		Account: account.ID, Data: map[string]any{"epoch": account.Epoch},
		Personal: map[string]string{"handle": account.Handle, "name": account.Name}})
}

// part revokes the grant of an ended account as well as it can, and forgets it. It goes on when the person who asked
// has left: the promise was made.
func (d *Desk) part(ctx context.Context, account shippost.Account) (revoked bool, err error) {
	ctx = context.WithoutCancel(ctx)
	if err := d.revoke(ctx, account); err != nil {
		d.Log.Warn("a platform did not confirm a revocation; the creator can remove ShipPost in its app",
			"account", account.ID, "platform", account.Platform, "error", err)
	} else {
		revoked = true
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		// Somebody may have connected it again while the platform was thinking; that grant is not ours to delete.
		now, err := tx.AccountOfAny(ctx, account.ID)
		if err != nil || now.Epoch != account.Epoch {
			return err
		}
		return d.Vault.Forget(ctx, tx, account.ID)
	})
	if err != nil {
		return revoked, fmt.Errorf("forget the grant of a disconnected account: %w", err)
	}
	return revoked, nil
}

// FinishPartings revokes and forgets the grants of disconnected accounts that a crash left behind. Run it at the start
// and about once an hour.
func (d *Desk) FinishPartings(ctx context.Context) error {
	var left []shippost.Account
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		left, err = tx.DisconnectedWithGrant(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, account := range left {
		_, err := d.part(ctx, account)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (d *Desk) revoke(ctx context.Context, account shippost.Account) error {
	ctx, cancel := context.WithTimeout(ctx, courtesy)
	defer cancel()
	p := d.Platforms[account.Platform]
	if p == nil {
		return fmt.Errorf("platform %s is not set up on this server any more", account.Platform)
	}
	revoker, ok := platform.Can[platform.Revoker](p)
	if !ok {
		return nil // the platform has no such call; deleting our copy is all there is to do
	}
	token, err := d.Vault.For(account.ID).Token(ctx)
	if shippost.IsKind(err, shippost.Reconnect) {
		return nil // the creator withdrew it before
	}
	if err != nil {
		return err
	}
	return revoker.Revoke(ctx, token)
}

// giveBack returns a grant that nobody here is going to use. A platform knows one grant for each creator and app, so
// it is left alone when an account on this server lives by it.
func (d *Desk) giveBack(ctx context.Context, p platform.Platform, grant platform.Grant) {
	revoker, ok := platform.Can[platform.Revoker](p)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), courtesy)
	defer cancel()
	name := p.Describe().Name
	err := d.DB.View(ctx, func(tx *store.Tx) error {
		_, err := tx.ConnectedAccount(ctx, name, grant.Subject)
		return err
	})
	if err == nil {
		return
	}
	if shippost.IsKind(err, shippost.NotFound) {
		err = revoker.Revoke(ctx, grant.Access)
	}
	if err != nil {
		d.Log.Warn("a grant that was not used could not be given back", "platform", name, "error", err)
	}
}
