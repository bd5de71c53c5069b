// Package auth knows who is asking: it keeps the sessions of people and the API keys of programs, and reads both anew
// on each request, so that whoever is removed, disabled or revoked is refused at the next one. There is no password.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// How long things last (reliability §13).
const (
	idle       = 14 * 24 * time.Hour // a session ends when it was not used that long
	absolute   = 30 * 24 * time.Hour // and in any case this long after it began
	freshness  = 10 * time.Minute    // how long a sign-in allows steps that need one
	exactness  = time.Minute         // how exact "last seen" and "last used" are: a write for each request is too many
	tryWindow  = 15 * time.Minute
	triesInOne = 30    // refused credentials of one network in one window
	networks   = 10000 // networks remembered at once
)

// Options is what a Keeper needs. All fields are required.
type Options struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger
}

// Keeper lets people and programs in. All methods may be called from many goroutines at once.
type Keeper struct {
	db    *store.DB
	now   func() time.Time
	log   *slog.Logger
	tries *Tries
}

// New returns a Keeper.
func New(o Options) *Keeper {
	return &Keeper{db: o.DB, now: o.Now, log: o.Log, tries: NewTries(triesInOne, tryWindow, networks)}
}

// Credentials are what a request brought along, and where it came from.
type Credentials struct {
	Cookie  shippost.Secret // value of the session cookie
	Bearer  shippost.Secret // API key; when set, the cookie does not count
	Network string          // truncated address, see package listen
	Browser string          // family only
	Request shippost.RequestID
}

// Authenticate returns who is asking. Without credentials, and with such that are unknown, ended, revoked or of a
// user who is disabled or no longer a member, the error is of kind Unauthenticated; which of these it was is not told.
// A network with too many refused tries gets Wait instead; good credentials are never refused for what others tried.
func (k *Keeper) Authenticate(ctx context.Context, c Credentials) (shippost.Actor, error) {
	var actor shippost.Actor
	var err, refusal error
	switch {
	case !c.Bearer.IsZero():
		actor, err = k.program(ctx, c)
		refusal = shippost.Errorf(shippost.Unauthenticated, "key_refused",
			"This API key does not work. Make a new one in the settings, or check that it was copied whole.")
	case !c.Cookie.IsZero():
		actor, err = k.person(ctx, c)
		refusal = shippost.Errorf(shippost.Unauthenticated, "session_ended",
			"You are not signed in any more. Sign in again.").With(shippost.RemedySignIn)
	default:
		return shippost.Actor{}, shippost.Errorf(shippost.Unauthenticated, "sign_in_required", "Sign in first.").With(shippost.RemedySignIn)
	}
	if err == nil {
		actor.Network, actor.Request = c.Network, c.Request
		return actor, nil
	}
	if !errors.Is(err, errRefused) && !shippost.IsKind(err, shippost.NotFound) {
		return shippost.Actor{}, fmt.Errorf("authenticate: %w", err)
	}
	if wait := k.tries.Count(c.Network, k.now()); wait > 0 {
		return shippost.Actor{}, tooMany(wait)
	}
	return shippost.Actor{}, refusal
}

// errRefused stands for every reason why credentials do not count.
var errRefused = errors.New("credentials refused")

func (k *Keeper) person(ctx context.Context, c Credentials) (shippost.Actor, error) {
	var s store.Session
	var role shippost.Role
	err := k.db.View(ctx, func(tx *store.Tx) error {
		var err error
		if s, err = tx.SessionByHash(ctx, Hash(c.Cookie)); err != nil {
			return err
		}
		role, err = place(ctx, tx, s.Workspace, s.User)
		return err
	})
	now := k.now()
	switch {
	case err != nil:
		return shippost.Actor{}, err
	case ended(s, now):
		return shippost.Actor{}, errRefused
	}
	if now.Sub(s.SeenAt) >= exactness {
		k.touch(ctx, func(tx *store.Tx) error {
			_, err := tx.TouchSession(ctx, s.Hash, now)
			return err
		})
	}
	return shippost.Actor{Kind: shippost.ActorUser, User: s.User, Workspace: s.Workspace, Role: role, Session: s.ID,
		Fresh: now.Sub(s.ProvedAt) <= freshness}, nil
}

func (k *Keeper) program(ctx context.Context, c Credentials) (shippost.Actor, error) {
	var key shippost.APIKey
	var role shippost.Role
	err := k.db.View(ctx, func(tx *store.Tx) error {
		var err error
		if key, err = tx.APIKeyByHash(ctx, Hash(c.Bearer)); err != nil {
			return err
		}
		role, err = place(ctx, tx, key.Workspace, key.User)
		return err
	})
	now := k.now()
	switch {
	case err != nil:
		return shippost.Actor{}, err
	case !key.RevokedAt.IsZero(), !key.ExpiresAt.IsZero() && !now.Before(key.ExpiresAt):
		return shippost.Actor{}, errRefused
	}
	if now.Sub(key.LastUsedAt) >= exactness {
		k.touch(ctx, func(tx *store.Tx) error { return tx.TouchAPIKey(ctx, key.ID, now) })
	}
	return shippost.Actor{Kind: shippost.ActorKey, User: key.User, Workspace: key.Workspace, Role: role, Key: key.ID}, nil
}

// place returns the present role of a user who may act in a workspace.
func place(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, id shippost.UserID) (shippost.Role, error) {
	user, err := tx.User(ctx, id)
	if err != nil {
		return "", err
	}
	if !user.DisabledAt.IsZero() {
		return "", errRefused
	}
	if frozen, err := tx.WorkspaceFrozen(ctx, ws); err != nil || frozen {
		return "", errors.Join(err, errRefused)
	}
	member, err := tx.Member(ctx, ws, id)
	return member.Role, err
}

// touch writes down a use. A request is not refused because that failed.
func (k *Keeper) touch(ctx context.Context, fn func(*store.Tx) error) {
	if err := k.db.Update(ctx, fn); err != nil && ctx.Err() == nil {
		k.log.Warn("the last use of a session or key was not noted", "error", err)
	}
}

// Me returns the actor's user and workspace.
func (k *Keeper) Me(ctx context.Context, actor shippost.Actor) (user shippost.User, ws shippost.Workspace, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return user, ws, err
	}
	err = k.db.View(ctx, func(tx *store.Tx) (err error) {
		if user, err = tx.User(ctx, actor.User); err != nil {
			return err
		}
		ws, err = tx.Workspace(ctx, actor.Workspace)
		return err
	})
	return user, ws, err
}

// Attempt counts a step that costs something and asks for no credentials, such as starting a sign-in. It returns an
// error of kind Wait when a network took too many.
func (k *Keeper) Attempt(network string) error {
	if wait := k.tries.Count("start "+network, k.now()); wait > 0 {
		return tooMany(wait)
	}
	return nil
}

func tooMany(wait time.Duration) error {
	e := shippost.Errorf(shippost.Wait, "too_many_tries", "Too many tries came from your network. Try again in %d minutes.",
		int(wait.Minutes())+1).With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}

// Sweep removes ended sessions. Run it about once an hour.
func (k *Keeper) Sweep(ctx context.Context) error {
	now := k.now()
	return k.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SweepSessions(ctx, now, now.Add(-idle))
		return err
	})
}

// random returns 256 random bits.
func random() []byte {
	b := make([]byte, 32)
	// crypto/rand.Read never fails: it ends the program when the system has no randomness.
	_, _ = rand.Read(b)
	return b
}

// NewToken returns 256 random bits as text that may stand in a cookie or a URL.
func NewToken() shippost.Secret {
	return shippost.NewSecret(base64.RawURLEncoding.EncodeToString(random()))
}

// Hash returns the hex SHA-256 under which a token is stored. 256 random bits need no slower one.
func Hash(token shippost.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}
