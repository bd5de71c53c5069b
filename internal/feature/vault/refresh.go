package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

const (
	// secondTry is how long to wait after a lost answer before the same refresh token is tried once more: a platform
	// that did rotate says so then, one that did not gives a new pair.
	secondTry = 5 * time.Second
	// intentLife is how long a refresh of another node is watched, unchanged, before it counts as lost. It must be longer
	// than a request may take, and with keepEvery shorter than a minute: so soon people are told of a connection that was
	// lost with its answer (reliability R19). One of a node that is gone counts as lost after secondTry.
	intentLife = 30 * time.Second
	// lookAgain is how often the row is read while another node refreshes.
	lookAgain = 100 * time.Millisecond
	// refreshTime bounds one request.
	refreshTime = 20 * time.Second
)

// call is a refresh under way in this process; everyone who needs it waits for the one.
type call struct {
	done  chan struct{}
	token shippost.Secret
	err   error
}

// refresh returns a newer access token than the one in s. Callers in this process share one refresh; it goes on when
// the caller who began it leaves, because its answer must not be lost.
func (v *Vault) refresh(ctx context.Context, s state) (shippost.Secret, error) {
	id := s.grant.Account
	v.mu.Lock()
	c, under := v.calls[id]
	if !under {
		c = &call{done: make(chan struct{})}
		v.calls[id] = c
		go func() {
			c.token, c.err = v.renew(context.WithoutCancel(ctx), s)
			v.mu.Lock()
			delete(v.calls, id)
			v.mu.Unlock()
			close(c.done)
		}()
	}
	v.mu.Unlock()
	select {
	case <-c.done:
		return c.token, c.err
	case <-ctx.Done():
		return shippost.Secret{}, ctx.Err()
	}
}

// renew refreshes, or waits for the node that does.
func (v *Vault) renew(ctx context.Context, s state) (shippost.Secret, error) {
	version := s.grant.Version
	for waited := time.Duration(0); ; waited += lookAgain {
		now, err := v.read(ctx, s.grant.Account)
		if err != nil {
			return shippost.Secret{}, err
		}
		if now.grant.Version != version {
			return v.access(now.grant) // somebody else was faster
		}
		mine, err := v.claim(ctx, now)
		if err != nil {
			return shippost.Secret{}, err
		}
		if mine {
			return v.send(ctx, now)
		}
		if waited > 4*intentLife {
			return shippost.Secret{}, shippost.Errorf(shippost.Unavailable, "refresh_busy", "The access to this account is being renewed. Try again in a minute.")
		}
		<-v.After(lookAgain)
	}
}

// claim writes the intent of a refresh, unless another one is on its way and was not watched for long enough to count as
// lost. Then its answer is, and the same token is tried once more.
func (v *Vault) claim(ctx context.Context, s state) (mine bool, err error) {
	patience, err := v.patience(ctx, s.grant)
	if err != nil || patience.Intent != s.grant.Intent() {
		return false, err
	}
	refresh, err := v.Sealer.Open(s.grant.RefreshToken, place(s.grant.Account, "refresh_token"))
	if err != nil {
		return false, err
	}
	err = v.DB.Update(ctx, func(tx *store.Tx) error {
		mine, err = tx.ClaimRefresh(ctx, s.grant.Account, s.grant.Version, fingerprint(refresh), v.Node, patience)
		return err
	})
	chaos.Point("vault.intended")
	return mine, err
}

// sight is a refresh on its way, and when this process saw it first, by the monotonic clock. What wall clocks say of it tells
// nothing: two may be minutes apart while both count as right.
type sight struct {
	intent store.Intent
	since  time.Duration
}

// patience says whether the refresh on its way, if any, was seen unchanged for so long that it counts as lost. A claim by
// it succeeds only while it still is that very one, so it does not matter how long this process could not look in between.
func (v *Vault) patience(ctx context.Context, g store.Grant) (p store.Patience, err error) {
	intent := g.Intent()
	if intent.Hash == "" {
		return p, nil
	}
	v.mu.Lock()
	s := v.seen[g.Account]
	v.mu.Unlock()
	if s.intent != intent {
		return p, v.look(ctx)
	}
	switch seen := v.Elapsed() - s.since; {
	case seen >= intentLife:
		p.Intent = intent
	case seen >= secondTry:
		p.Intent, p.Gone = intent, true
	}
	return p, nil
}

// look notes all refreshes on their way: when many were left behind, they are waited for at the same time.
func (v *Vault) look(ctx context.Context) error {
	var intents map[shippost.AccountID]store.Intent
	err := v.DB.View(ctx, func(tx *store.Tx) (err error) {
		intents, err = tx.Intents(ctx)
		return err
	})
	if err != nil {
		return err
	}
	now := v.Elapsed()
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := make(map[shippost.AccountID]sight, len(intents))
	for id, intent := range intents {
		s := v.seen[id]
		if s.intent != intent {
			s = sight{intent, now}
		}
		seen[id] = s
	}
	v.seen = seen
	return nil
}

func fingerprint(token shippost.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// send makes the request whose intent is written, and once more if its answer was lost.
func (v *Vault) send(ctx context.Context, s state) (shippost.Secret, error) {
	p, ok := v.Platforms[s.account.Platform]
	refresher, can := platform.Can[platform.Refresher](p)
	if !ok || !can {
		return shippost.Secret{}, fmt.Errorf("platform %q cannot refresh tokens", s.account.Platform)
	}
	refresh, err := v.Sealer.Open(s.grant.RefreshToken, place(s.grant.Account, "refresh_token"))
	if err != nil {
		return shippost.Secret{}, err
	}
	grant, err := ask(ctx, refresher, refresh)
	if lostAnswer(err) {
		v.Log.Warn("the answer to a token refresh was lost; trying once more", "account", s.grant.Account, "err", err)
		<-v.After(secondTry)
		// Longer than anybody waits for one request; whoever took it over meanwhile goes on with it.
		still, holdErr := v.hold(ctx, s)
		if holdErr != nil || !still {
			return shippost.Secret{}, errors.Join(err, holdErr)
		}
		grant, err = ask(ctx, refresher, refresh)
	}
	chaos.Point("vault.answered")
	switch {
	case err == nil:
		return v.keep(ctx, s, grant)
	case lostAnswer(err):
		// The intent stays: whoever comes next knows that the token may be dead, and tries it again later. Our wait begins now.
		return shippost.Secret{}, errors.Join(err, v.look(ctx))
	case revoked(p, err):
		chaos.Point("vault.refused")
		return v.ended(ctx, s, err)
	}
	return shippost.Secret{}, errors.Join(err, v.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.EndRefresh(ctx, s.grant.Account, s.grant.Version, v.Node)
	}))
}

// hold makes the intent of a refresh recent again, and reports whether it still is this node's.
func (v *Vault) hold(ctx context.Context, s state) (still bool, err error) {
	err = v.DB.Update(ctx, func(tx *store.Tx) error {
		still, err = tx.HoldRefresh(ctx, s.grant.Account, s.grant.Version, v.Node)
		return err
	})
	return still, err
}

func ask(ctx context.Context, r platform.Refresher, refresh shippost.Secret) (platform.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	return r.Refresh(ctx, refresh)
}

// lostAnswer reports whether nobody knows if the platform rotated the token: no whole answer came, or one that has
// neither tokens nor a reason and may be from something in between.
func lostAnswer(err error) bool {
	pe := platform.AsError(err)
	return pe != nil && (pe.Reach == platform.Maybe || pe.Reach == platform.Answered && (pe.Status >= 500 || pe.Code == ""))
}

// revoked reports whether the platform says that the refresh token is no good. Nothing else ends a connection.
func revoked(p platform.Platform, err error) bool {
	return platform.AsError(err) != nil && p.Classify(err).Class == platform.Auth
}

// keep stores the new pair. Until that is durable nobody uses it.
func (v *Vault) keep(ctx context.Context, s state, g platform.Grant) (shippost.Secret, error) {
	row, err := v.row(s.grant, g)
	if err != nil {
		return shippost.Secret{}, err
	}
	var kept bool
	for try := 1; ; try++ {
		err = v.DB.Update(ctx, func(tx *store.Tx) error {
			if kept, err = tx.ReplaceGrant(ctx, row, s.grant.Version); err != nil || !kept {
				return err
			}
			if err := v.mend(ctx, tx, s.account.ID); err != nil {
				return err
			}
			entry := shippost.Entry{Workspace: s.account.Workspace, Kind: shippost.EntryTokenRefreshed,
				Actor: shippost.System(s.account.Workspace), Account: s.account.ID, Data: map[string]any{"version": row.Version}}
			if err := tx.Record(ctx, entry); err != nil || !shippost.AnnounceEnd(row.RefreshExpiresAt, s.grant.AccessIssuedAt, row.AccessIssuedAt) {
				return err
			}
			// Renewing did not move the end of our access, so the creator has to give it again.
			entry.Kind, entry.Data = shippost.EntryAccountEnding, map[string]any{"until": row.RefreshExpiresAt.UTC()}
			return tx.Record(ctx, entry)
		})
		// The old refresh token may be dead already: this pair must not be lost to a disk that is full for a minute.
		if err == nil || try == 20 {
			break
		}
		v.Log.Error("cannot store a renewed token pair; trying again", "account", s.account.ID, "err", err)
		<-v.After(3 * time.Second)
	}
	chaos.Point("vault.kept")
	if err != nil {
		return shippost.Secret{}, fmt.Errorf("store a renewed token pair: %w", err)
	}
	if !kept {
		now, err := v.read(ctx, s.account.ID)
		if err != nil {
			return shippost.Secret{}, err
		}
		return v.access(now.grant)
	}
	return g.Access, nil
}

// ended marks the account as one that must be connected anew, unless somebody stored a newer pair meanwhile. The
// access token stays usable until it expires.
func (v *Vault) ended(ctx context.Context, s state, cause error) (shippost.Secret, error) {
	var newer *store.Grant
	err := v.DB.Update(ctx, func(tx *store.Tx) error {
		newer = nil
		g, err := tx.Grant(ctx, s.account.ID)
		if err != nil {
			return err
		}
		if g.Version != s.grant.Version {
			newer = &g
			return nil
		}
		if err := tx.EndRefresh(ctx, s.account.ID, s.grant.Version, v.Node); err != nil {
			return err
		}
		code := ""
		if pe := platform.AsError(cause); pe != nil {
			code = pe.Code
		}
		return v.markBroken(ctx, tx, s.account.ID, shippost.ReasonRefresh, code)
	})
	switch {
	case shippost.IsCode(err, "grant_not_found"):
		return shippost.Secret{}, disconnected()
	case err != nil:
		return shippost.Secret{}, err
	case newer != nil:
		return v.access(*newer)
	}
	v.Log.Warn("an account must be connected anew", "account", s.account.ID, "err", cause)
	return shippost.Secret{}, broken(shippost.ReasonRefresh)
}

// Withdrawn marks an account as one that must be connected anew, because the platform said with a code that its creator
// does not let us do what we asked for, or refuses new tokens like old ones. No refresh would change that, so none is made.
// It changes nothing when the account was connected anew since, as its epoch tells.
func (v *Vault) Withdrawn(ctx context.Context, tx *store.Tx, account shippost.Account, code string) error {
	now, err := tx.AccountOfAny(ctx, account.ID)
	if err != nil || now.Epoch != account.Epoch {
		return err
	}
	reason := shippost.ReasonWithdrawn
	if code == platform.CodeTokenRefused {
		reason = shippost.ReasonRefused
	}
	return v.markBroken(ctx, tx, account.ID, reason, code)
}

// told is how many of the posts that wait for an account its people are told by name, the most urgent ones.
const told = 20

func (v *Vault) markBroken(ctx context.Context, tx *store.Tx, id shippost.AccountID, reason, code string) error {
	account, err := tx.AccountOfAny(ctx, id)
	if err != nil || account.Status != shippost.AccountActive {
		return err
	}
	account.Status, account.StatusReason = shippost.AccountReconnect, reason
	changed, err := tx.SetAccountStatus(ctx, account, account.Epoch)
	if err != nil || !changed {
		return err
	}
	count, err := tx.CountScheduled(ctx, id)
	if err != nil {
		return err
	}
	waiting, err := tx.NextPosts(ctx, id, told)
	if err != nil {
		return err
	}
	list := make([]map[string]any, len(waiting))
	for i, p := range waiting {
		list[i] = map[string]any{"post_id": p.ID, "due_at": p.Due.At.UTC(), "until": p.Deadline().UTC()}
	}
	data := map[string]any{"reason": reason, "waiting": count, "posts": list}
	if code != "" {
		data["code"] = code
	}
	return tx.Record(ctx, shippost.Entry{Workspace: account.Workspace, Kind: shippost.EntryAccountBroken,
		Actor: shippost.System(account.Workspace), Account: account.ID, Data: data})
}

// mend takes markBroken back. A node that was paused for long may bring the pair that works after another one was told
// that the former pair is dead.
func (v *Vault) mend(ctx context.Context, tx *store.Tx, id shippost.AccountID) error {
	account, err := tx.AccountOfAny(ctx, id)
	if err != nil || account.Status != shippost.AccountReconnect || account.StatusReason != shippost.ReasonRefresh {
		return err
	}
	account.Status, account.StatusReason = shippost.AccountActive, ""
	_, err = tx.SetAccountStatus(ctx, account, account.Epoch)
	return err
}
