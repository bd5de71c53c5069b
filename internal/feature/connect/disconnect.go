package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Parting is how a disconnection ended. The account is disconnected in any case.
type Parting struct {
	Account shippost.Account
	Revoked bool // the platform confirmed that our access is gone
}

// Disconnect ends an account. The transaction that marks it also ends its posts, so that nothing more is sent; then requests
// under way on any node are cut, and the platform is asked to revoke the grant, and our copy is deleted. If the platform does
// not answer, or we die in between, the grant is still there for FinishPartings, and until then nobody gets it for anything
// else. Who asks again, at the same moment or later, is told the same, and no sooner than the requests under way have ended.
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
		if ended = account.Status != shippost.AccountDisconnected; !ended {
			return nil
		}
		account, err = d.end(ctx, tx, actor, account, "")
		return err
	})
	if err != nil {
		return Parting{Account: account}, err
	}
	chaos.Point("connect.ended")
	quiet := d.Posts.Quiet(ctx, account.ID)
	if !ended {
		return Parting{Account: account}, quiet
	}
	revoked, err := d.part(ctx, account)
	if err == nil {
		err = quiet
	}
	chaos.Point("connect.forgotten")
	return Parting{Account: account, Revoked: revoked}, err
}

// Removed ends the account of a creator who took our access away in the platform itself, with its posts and its grant.
// Nothing is left to revoke. A message about access that was given back since changes nothing.
func (d *Desk) Removed(ctx context.Context, tx *store.Tx, p shippost.PlatformName, subject string, at time.Time) error {
	account, err := tx.ConnectedAccount(ctx, p, subject)
	if shippost.IsKind(err, shippost.NotFound) || err == nil && account.ConnectedAt.After(at) {
		return nil
	}
	if err != nil {
		return err
	}
	actor := shippost.Actor{Kind: shippost.ActorPlatform, Workspace: account.Workspace}
	if _, err := d.end(ctx, tx, actor, account, shippost.ReasonRemoved); err != nil {
		return err
	}
	return d.Vault.Forget(ctx, tx, account.ID)
}

// End is the first half of Disconnect, for a transaction that ends more than an account. FinishPartings does the rest.
func (d *Desk) End(ctx context.Context, tx *store.Tx, actor shippost.Actor, account shippost.Account) error {
	if account.Status == shippost.AccountDisconnected {
		return nil
	}
	_, err := d.end(ctx, tx, actor, account, "")
	return err
}

// GiveUp ends what can be done with the access to an account, after a breach: nothing is sent any more, nobody is given its tokens, and its
// posts wait until its creator connects it again. FinishPartings has the platform revoke them. It reports whether there was access.
func (d *Desk) GiveUp(ctx context.Context, tx *store.Tx, account shippost.Account) (bool, error) {
	if account.Status == shippost.AccountDisconnected || account.StatusReason == shippost.ReasonBreach {
		return false, nil
	}
	epoch := account.Epoch
	account.Status, account.StatusReason = shippost.AccountReconnect, shippost.ReasonBreach
	account.Epoch, account.DisconnectedAt = epoch+1, tx.Now()
	changed, err := tx.SetAccountStatus(ctx, account, epoch)
	if err != nil {
		return false, err
	}
	if !changed {
		return false, store.Again(shippost.Errorf(shippost.Conflict, "account_changed", "Somebody else connected or disconnected this account at the same moment. Try again.").With(shippost.RemedyRetry))
	}
	return true, tx.Record(ctx, shippost.Entry{Workspace: account.Workspace, Kind: shippost.EntryAccountBroken, Actor: shippost.System(account.Workspace),
		Account: account.ID, Data: map[string]any{"reason": account.StatusReason, "epoch": account.Epoch}})
}

func (d *Desk) end(ctx context.Context, tx *store.Tx, actor shippost.Actor, account shippost.Account, reason string) (shippost.Account, error) {
	epoch := account.Epoch
	account.Status, account.StatusReason = shippost.AccountDisconnected, reason
	account.Epoch, account.DisconnectedAt = epoch+1, tx.Now()
	changed, err := tx.SetAccountStatus(ctx, account, epoch)
	if err != nil {
		return account, err
	}
	if !changed {
		return account, store.Again(shippost.Errorf(shippost.Conflict, "account_changed", "Somebody else connected or disconnected this account at the same moment. Try again.").With(shippost.RemedyRetry))
	}
	if err := d.Posts.AccountEnded(ctx, tx, account); err != nil {
		return account, fmt.Errorf("end the posts of an account: %w", err)
	}
	data := map[string]any{"epoch": account.Epoch}
	if reason != "" {
		data["reason"], data["message"] = reason, account.Why()
	}
	return account, tx.Record(ctx, shippost.Entry{Workspace: account.Workspace, Kind: shippost.EntryAccountDisconnected, Actor: actor,
		Account: account.ID, Data: data,
		Personal: map[string]string{"handle": account.Handle, "name": account.Name}})
}

// part revokes the grant of an ended account as well as it can, and forgets it. It goes on when the person who asked
// has left: the promise was made.
func (d *Desk) part(ctx context.Context, account shippost.Account) (revoked bool, err error) {
	ctx = context.WithoutCancel(ctx)
	if err := d.revoke(ctx, account); err != nil {
		d.Log.Warn("a platform did not confirm a revocation; it is asked again for seven days, and the creator can remove ShipPost in its app",
			"account", account.ID, "platform", account.Platform, "error", err)
		// By a clock that may be wrong it is asked on: without our copy nobody could.
		if d.Now().Sub(account.DisconnectedAt) < insist || d.Sure != nil && !d.Sure(ctx) {
			return false, nil
		}
	} else {
		revoked = true
	}
	chaos.Point("connect.revoked")
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

// FinishPartings revokes and forgets the grants of accounts that were given up, and of disconnected ones that a crash, or a platform that was down, left behind. Run it at the start
// and about once an hour.
func (d *Desk) FinishPartings(ctx context.Context) error {
	var left []shippost.Account
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		left, err = tx.PartedWithGrant(ctx)
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
	token, err := d.Vault.ForRevoking(account.ID).Token(ctx)
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
