package connect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// attach writes the account with what the platform told now, and its grant. Before is the row as it stands, zero for a
// new account. Its epoch grows when it was not active: what was begun under the old grant must not go on.
// With scopes missing the account is there, but posts wait until the creator allows them too.
func (d *Desk) attach(ctx context.Context, tx *store.Tx, actor shippost.Actor, a *arrival, before shippost.Account) (shippost.Account, error) {
	after := before
	after.Name, after.AvatarURL, after.Scopes = a.who.Name, a.who.AvatarURL, a.grant.Scopes
	// Without the scope for it a handle is not told here, but may have been learnt on another way.
	after.Handle = cmp.Or(a.who.Handle, before.Handle)
	after.Status, after.StatusReason = shippost.AccountActive, ""
	// Drafts are an offer that a creator may do without.
	needed := d.Platforms[a.Platform].Describe()
	missing := missingScopes(needed.Scopes, a.grant.Scopes)
	if slices.ContainsFunc(missing, func(s string) bool { return s != needed.DraftScope }) {
		after.Status, after.StatusReason = shippost.AccountReconnect, shippost.ReasonScopes
	}
	if before.Status != shippost.AccountActive {
		after.Epoch++
		after.ConnectedAt, after.DisconnectedAt = tx.Now(), time.Time{}
	}
	if before.ID == "" {
		after.ID, after.Workspace = shippost.NewAccountID(tx.Now()), actor.Workspace
		after.Platform, after.Subject = a.Platform, a.who.Subject
	}
	if err := writeAccount(ctx, tx, before, &after); err != nil {
		return shippost.Account{}, err
	}
	if err := d.Vault.Store(ctx, tx, after.ID, a.grant); err != nil {
		return shippost.Account{}, fmt.Errorf("store the grant: %w", err)
	}
	// Also when it was active before: posts may be held because the platform refused the former grant.
	if before.ID != "" && after.Status == shippost.AccountActive {
		if err := d.Posts.AccountReady(ctx, tx, after); err != nil {
			return shippost.Account{}, fmt.Errorf("let the posts of an account go on: %w", err)
		}
	}
	if err := d.portray(ctx, tx, after.ID); err != nil {
		return shippost.Account{}, fmt.Errorf("have the picture of an account fetched: %w", err)
	}
	return after, d.recordAttached(ctx, tx, actor, before, after)
}

func writeAccount(ctx context.Context, tx *store.Tx, before shippost.Account, after *shippost.Account) error {
	if before.ID == "" {
		return tx.InsertAccount(ctx, after)
	}
	changed, err := tx.SetAccountStatus(ctx, *after, before.Epoch)
	if err != nil {
		return err
	}
	if !changed {
		return shippost.Errorf(shippost.Conflict, "account_changed", "Somebody else connected or disconnected this account at the same moment. Start again.")
	}
	_, err = tx.SaveProfile(ctx, *after)
	return err
}

func (d *Desk) recordAttached(ctx context.Context, tx *store.Tx, actor shippost.Actor, before, after shippost.Account) error {
	entry := shippost.Entry{Workspace: after.Workspace, Actor: actor, Account: after.ID,
		Personal: map[string]string{"handle": after.Handle, "name": after.Name}}
	if after.Epoch != before.Epoch {
		entry.Kind = shippost.EntryAccountConnected
		entry.Data = map[string]any{"epoch": after.Epoch, "scopes": after.Scopes, "again": before.ID != ""}
		if err := tx.Record(ctx, entry); err != nil {
			return err
		}
	}
	if after.Status != shippost.AccountReconnect {
		return nil
	}
	entry.Kind = shippost.EntryAccountBroken
	entry.Data = map[string]any{"reason": after.StatusReason, "missing": d.MissingScopes(after)}
	return tx.Record(ctx, entry)
}
