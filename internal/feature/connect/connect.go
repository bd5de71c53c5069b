// Package connect brings people in and accounts together through the consent pages of the platforms: sign-in, proof
// that it is still the same person, connecting, reconnecting and disconnecting accounts.
//
// A flow begins with Start, which remembers a one-time state tied to one browser, and ends with Finish, which spends
// it. Everything that can go wrong between the two ends in a sentence, and with no token stored. Identities are found
// by the platform's own id of the creator, never by name or mail. An identity signs in; an account is posted to; the
// two are separate, so that connecting a creator's account does not let that creator in, nor the other way round.
package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// flowLife is how long a person may take on the platform's pages.
const flowLife = 10 * time.Minute

// insist is how long a platform that does not answer is asked again to revoke a grant, before our copy goes in any case.
const insist = 7 * 24 * time.Hour

// courtesy is how long we try to give a grant back to its platform before we go on without.
const courtesy = 10 * time.Second

// defaultLateWindow is how late posts of a new workspace may still go out (reliability §5).
const defaultLateWindow = time.Hour

// Vault keeps the grants of accounts.
type Vault interface {
	// Store keeps the grant as the account's only one, in the transaction that connects it.
	Store(ctx context.Context, tx *store.Tx, account shippost.AccountID, grant platform.Grant) error
	// Forget removes the account's grant for good. Without one it does nothing.
	Forget(ctx context.Context, tx *store.Tx, account shippost.AccountID) error
	// For returns the tokens of an account; none of one that is disconnected.
	For(id shippost.AccountID) platform.Tokens
	// ForRevoking returns the tokens of an account that may be disconnected, for the one call that ends them.
	ForRevoking(id shippost.AccountID) platform.Tokens
}

// Posts is told when what waits or is on its way for an account must end, or may go on.
type Posts interface {
	// AccountEnded is called in the transaction that disconnects the account, with its new status and epoch. It ends
	// every post of the account that is not past the point of no return.
	AccountEnded(ctx context.Context, tx *store.Tx, account shippost.Account) error
	// Quiet waits, after that transaction, until nothing is sent any more for what it ended, on whatever node.
	Quiet(ctx context.Context, account shippost.AccountID) error
	// AccountReady is called in the transaction that connects the account anew. Posts that waited for it go on once
	// that is durable.
	AccountReady(ctx context.Context, tx *store.Tx, account shippost.Account) error
}

// Accept notes that a new user accepted the legal texts in force, in the transaction of their first sign-in.
type Accept func(ctx context.Context, tx *store.Tx, user shippost.UserID) error

// Options is what a Desk needs. OpenSignup, Policy, Accept, Bucket, Jobs and Sure may be left out.
type Options struct {
	DB         *store.DB
	Auth       *auth.Keeper
	Platforms  map[shippost.PlatformName]platform.Platform
	Sealer     *seal.Sealer
	Vault      Vault
	Posts      Posts
	PublicURL  string        // scheme and host
	OpenSignup bool          // strangers may sign in and get a workspace; otherwise only the first person may
	Policy     func() string // version of the privacy policy that a first sign-in accepts
	Accept     Accept        // notes that it does; nil notes it in the journal alone
	Bucket     blob.Bucket   // where the pictures of creators are kept; nil keeps none
	Jobs       *jobs.Client  // fetches them after a sign-in; nil leaves them to RenewAvatars
	Now        func() time.Time
	Log        *slog.Logger

	Sure func(context.Context) bool // whether the clock may be gone by for what cannot be taken back. nil: always
}

// Desk takes sign-ins and connections. All methods may be called from many goroutines at once.
type Desk struct{ Options }

// New returns a Desk.
func New(o Options) *Desk { return &Desk{o} }

// CallbackPath returns where on this server the consent page of a platform sends browsers back to.
func CallbackPath(name shippost.PlatformName) string { return "/callback/" + string(name) }

// redirectURI is compared byte for byte by the platforms, so it is made in one place.
func (d *Desk) redirectURI(name shippost.PlatformName) string {
	return strings.TrimSuffix(d.PublicURL, "/") + CallbackPath(name)
}

// authorizer returns a platform that people can sign in to.
func (d *Desk) authorizer(name shippost.PlatformName) (platform.Platform, platform.Authorizer, error) {
	if p := d.Platforms[name]; p != nil {
		if a, ok := platform.Can[platform.Authorizer](p); ok {
			return p, a, nil
		}
	}
	return nil, nil, shippost.Errorf(shippost.NotFound, "platform_not_found", "This server does not know that platform.")
}

// ConsentOrigins returns scheme and host of the consent pages that Start sends browsers to. A page whose form leads to
// Start must name them in its policy, because browsers apply form-action to redirects too.
func (d *Desk) ConsentOrigins() []string {
	var origins []string
	for name, p := range d.Platforms {
		a, ok := platform.Can[platform.Authorizer](p)
		if !ok {
			continue
		}
		if u, err := url.Parse(a.AuthorizeURL(platform.AuthRequest{RedirectURI: d.redirectURI(name)})); err == nil {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins)
}

// Accounts returns the accounts of the workspace, oldest first, disconnected ones too.
func (d *Desk) Accounts(ctx context.Context, actor shippost.Actor) ([]shippost.Account, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	var list []shippost.Account
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		list, err = tx.Accounts(ctx, actor.Workspace)
		return err
	})
	return list, err
}

// Account returns one account of the workspace.
func (d *Desk) Account(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (shippost.Account, error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return shippost.Account{}, err
	}
	var account shippost.Account
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		account, err = tx.Account(ctx, actor.Workspace, id)
		return err
	})
	return account, err
}

// MissingScopes returns what ShipPost needs and the creator did not allow, in the platform's words.
func (d *Desk) MissingScopes(a shippost.Account) []string {
	p := d.Platforms[a.Platform]
	if p == nil {
		return nil
	}
	return missingScopes(p.Describe().Scopes, a.Scopes)
}

func missingScopes(needed, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(needed), func(s string) bool { return slices.Contains(granted, s) })
}

// Sweep removes flows that nobody can finish any more. Run it about once an hour.
func (d *Desk) Sweep(ctx context.Context) error {
	flows := d.DB.Update(ctx, func(tx *store.Tx) error {
		// Kept a day longer than they work, so that a repeated return is told apart from an unknown one.
		_, err := tx.SweepOAuthFlows(ctx, d.Now().Add(-24*time.Hour))
		return err
	})
	return errors.Join(flows, d.dropOrphans(ctx))
}

// title returns the platform's name for people.
func (d *Desk) title(name shippost.PlatformName) string {
	if p := d.Platforms[name]; p != nil {
		return p.Describe().Title
	}
	return string(name)
}

// spoken names an account in a sentence.
func spoken(handle, name string) string {
	if handle != "" {
		return "@" + handle
	}
	return fmt.Sprintf("“%s”", name)
}
