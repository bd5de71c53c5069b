package store

import (
	"cmp"
	"context"
	"time"

	"ship-post.com/shippost"
)

var accounts = newTable("accounts",
	column[shippost.Account]{"id", func(a *shippost.Account) any { return &a.ID }},
	column[shippost.Account]{"workspace_id", func(a *shippost.Account) any { return &a.Workspace }},
	column[shippost.Account]{"platform", func(a *shippost.Account) any { return &a.Platform }},
	column[shippost.Account]{"subject", func(a *shippost.Account) any { return &a.Subject }},
	column[shippost.Account]{"handle", func(a *shippost.Account) any { return &a.Handle }},
	column[shippost.Account]{"name", func(a *shippost.Account) any { return &a.Name }},
	column[shippost.Account]{"avatar_url", func(a *shippost.Account) any { return &a.AvatarURL }},
	column[shippost.Account]{"avatar", func(a *shippost.Account) any { return &a.Avatar }},
	column[shippost.Account]{"avatar_at", func(a *shippost.Account) any { return at(&a.AvatarAt) }},
	column[shippost.Account]{"status", func(a *shippost.Account) any { return &a.Status }},
	column[shippost.Account]{"status_reason", func(a *shippost.Account) any { return &a.StatusReason }},
	column[shippost.Account]{"epoch", func(a *shippost.Account) any { return &a.Epoch }},
	column[shippost.Account]{"scopes", func(a *shippost.Account) any { return doc(&a.Scopes) }},
	column[shippost.Account]{"connected_at", func(a *shippost.Account) any { return at(&a.ConnectedAt) }},
	column[shippost.Account]{"disconnected_at", func(a *shippost.Account) any { return at(&a.DisconnectedAt) }},
)

// InsertAccount writes a new account; Conflict account_taken when its creator's account is connected already.
func (t *Tx) InsertAccount(ctx context.Context, a *shippost.Account) error {
	return taken(accounts.insert(ctx, t, a))
}

// Account returns an account of the workspace, whatever its status; NotFound otherwise.
func (t *Tx) Account(ctx context.Context, ws shippost.WorkspaceID, id shippost.AccountID) (shippost.Account, error) {
	return accounts.get(ctx, t, missing("account"), "WHERE id = $1 AND workspace_id = $2", id, ws)
}

// AccountOfAny returns an account of any workspace. Only ShipPost itself may ask this, never for a request.
func (t *Tx) AccountOfAny(ctx context.Context, id shippost.AccountID) (shippost.Account, error) {
	return accounts.get(ctx, t, missing("account"), "WHERE id = $1", id)
}

// ConnectedAccount returns the account through which a creator is connected on this server, in whatever workspace;
// NotFound when they are not. Disconnected accounts do not count, accounts that need a new connection do.
func (t *Tx) ConnectedAccount(ctx context.Context, p shippost.PlatformName, subject string) (shippost.Account, error) {
	return accounts.get(ctx, t, missing("account"), "WHERE platform = $1 AND subject = $2 AND status <> 'disconnected'", p, subject)
}

// LastAccount returns the workspace's newest account of a creator, also a disconnected one; NotFound without any.
// Connecting again revives it, so that its history stays in one place.
func (t *Tx) LastAccount(ctx context.Context, ws shippost.WorkspaceID, p shippost.PlatformName, subject string) (shippost.Account, error) {
	return accounts.get(ctx, t, missing("account"),
		"WHERE workspace_id = $1 AND platform = $2 AND subject = $3 ORDER BY epoch DESC, id DESC LIMIT 1", ws, p, subject)
}

// Accounts returns all accounts of the workspace, oldest first, disconnected ones too.
func (t *Tx) Accounts(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.Account, error) {
	return accounts.list(ctx, t, "WHERE workspace_id = $1 ORDER BY id", ws)
}

// PartedWithGrant returns the accounts of all workspaces that are disconnected while their grant is still kept.
// Only ShipPost itself may ask this.
func (t *Tx) PartedWithGrant(ctx context.Context) ([]shippost.Account, error) {
	return accounts.list(ctx, t, "WHERE (status = 'disconnected' OR status = 'needs_reconnect' AND status_reason = $1) AND id IN (SELECT account_id FROM grants) ORDER BY id",
		shippost.ReasonBreach)
}

// AccountsWithAccess returns the accounts of all workspaces that something can be done with, or whose tokens are kept for that.
func (t *Tx) AccountsWithAccess(ctx context.Context) ([]shippost.Account, error) {
	return accounts.list(ctx, t, "WHERE status = 'active' OR status = 'needs_reconnect' AND status_reason <> $1 AND id IN (SELECT account_id FROM grants) ORDER BY id",
		shippost.ReasonBreach)
}

// SetAccountStatus writes a's status, reason, epoch, scopes and times if the stored epoch still is epoch: whoever
// decided on older facts changes nothing. It fails with Conflict account_taken when the creator has been connected
// elsewhere meanwhile.
func (t *Tx) SetAccountStatus(ctx context.Context, a shippost.Account, epoch int64) (changed bool, err error) {
	changed, err = t.swap(ctx, "UPDATE accounts SET status = $3, status_reason = $4, epoch = $5, scopes = $6, connected_at = $7, "+
		"disconnected_at = $8 WHERE id = $1 AND epoch = $2",
		a.ID, epoch, a.Status, a.StatusReason, a.Epoch, doc(&a.Scopes), at(&a.ConnectedAt), at(&a.DisconnectedAt))
	return changed, taken(err)
}

// AccountsToPortray returns active accounts of all workspaces whose picture was last asked for before a moment, or never.
// Only ShipPost itself may ask this.
func (t *Tx) AccountsToPortray(ctx context.Context, before time.Time, limit int) ([]shippost.Account, error) {
	return accounts.list(ctx, t, "WHERE status = 'active' AND (avatar_at IS NULL OR avatar_at < $1) ORDER BY id LIMIT $2", moment(before), limit)
}

// SaveAvatar notes which picture of an account is kept, and when it was asked for.
func (t *Tx) SaveAvatar(ctx context.Context, id shippost.AccountID, hash string, asked time.Time) error {
	_, err := t.exec(ctx, "UPDATE accounts SET avatar = $2, avatar_at = $3 WHERE id = $1", id, hash, moment(asked))
	return err
}

// SaveProfile writes what the platform tells about the creator: handle, name and avatar.
func (t *Tx) SaveProfile(ctx context.Context, a shippost.Account) (changed bool, err error) {
	return t.swap(ctx, "UPDATE accounts SET handle = $2, name = $3, avatar_url = $4 WHERE id = $1", a.ID, a.Handle, a.Name, a.AvatarURL)
}

// NoteCreator keeps the handle and the name that the platform tells before a post, unless the account was disconnected or
// connected anew since a was read.
func (t *Tx) NoteCreator(ctx context.Context, a shippost.Account, c shippost.Creator) error {
	_, err := t.exec(ctx, "UPDATE accounts SET handle = $3, name = $4 WHERE id = $1 AND epoch = $2", a.ID, a.Epoch,
		cmp.Or(c.Handle, a.Handle), cmp.Or(c.Nickname, a.Name))
	return err
}

func taken(err error) error {
	if !duplicate(err) {
		return err
	}
	return shippost.Errorf(shippost.Conflict, "account_taken",
		"This account is already connected to ShipPost. Disconnect it there first.").Because(err)
}
