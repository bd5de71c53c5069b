package compose

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// Creators tells what a platform lets a creator do at this moment.
type Creators interface {
	// Creator returns the platform's answer, younger than within. The error is what the platform client or the vault
	// gave. A platform that tells nothing about creators gives the zero Creator.
	Creator(ctx context.Context, account shippost.Account, within time.Duration) (shippost.Creator, error)
	// Known is Creator where the answer is at hand: it never waits for anybody.
	Known(account shippost.Account, within time.Duration) (shippost.Creator, bool)
}

const (
	creatorFresh   = time.Minute      // how long an answer is good for judging drafts; before sending the publisher asks anew
	creatorNow     = time.Second      // for a page that opens, which TikTok wants to ask each time (TikTok contract 7, point 1)
	creatorPatient = 10 * time.Second // how long a person waits for an answer
	creatorsKept   = 10_000           // answers in memory at most
	capPeriod      = 24 * time.Hour   // platforms count their caps over a day
)

// Asker asks the platforms themselves and remembers each answer. Concurrent questions about one account
// share a request, because the platform counts them.
type Asker struct {
	platforms map[shippost.PlatformName]platform.Platform
	tokens    func(shippost.AccountID) platform.Tokens
	now       func() time.Time
	asking    singleflight.Group
	mu        sync.Mutex
	known     map[shippost.AccountID]knownCreator
}

type knownCreator struct {
	creator shippost.Creator
	epoch   int64
	at      time.Time
}

// NewAsker returns an Asker that gets its tokens from the vault. now is the product's clock.
func NewAsker(platforms map[shippost.PlatformName]platform.Platform, tokens func(shippost.AccountID) platform.Tokens, now func() time.Time) *Asker {
	return &Asker{platforms: platforms, tokens: tokens, now: now, known: map[shippost.AccountID]knownCreator{}}
}

var _ Creators = (*Asker)(nil)

// Creator implements Creators. Failures are not remembered.
func (a *Asker) Creator(ctx context.Context, account shippost.Account, within time.Duration) (shippost.Creator, error) {
	if creator, ok := a.Known(account, within); ok {
		return creator, nil
	}
	reader, _ := platform.Can[platform.CreatorReader](a.platforms[account.Platform])
	// The answer belongs to all who wait for it, so none of them may cancel it.
	result := a.asking.DoChan(string(account.ID), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), creatorPatient)
		defer cancel()
		creator, err := reader.Creator(ctx, a.tokens(account.ID))
		if err == nil {
			a.remember(account, creator)
		}
		return creator, err
	})
	select {
	case r := <-result:
		creator, _ := r.Val.(shippost.Creator)
		return creator, r.Err
	case <-ctx.Done():
		return shippost.Creator{}, ctx.Err()
	}
}

// Known implements Creators.
func (a *Asker) Known(account shippost.Account, within time.Duration) (shippost.Creator, bool) {
	if _, ok := platform.Can[platform.CreatorReader](a.platforms[account.Platform]); !ok {
		return shippost.Creator{}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.known[account.ID]
	age := a.now().Sub(k.at)
	return k.creator, ok && k.epoch == account.Epoch && age >= 0 && age < within
}

func (a *Asker) remember(account shippost.Account, creator shippost.Creator) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= creatorsKept {
		clear(a.known)
	}
	a.known[account.ID] = knownCreator{creator, account.Epoch, a.now()}
}

// Creator returns what the platform says right now about the creator of an account, for a screen that asks questions.
// It fails with the platform's reason when the creator cannot post now.
func (c *Composer) Creator(ctx context.Context, actor shippost.Actor, id shippost.AccountID) (shippost.Creator, error) {
	if err := actor.Require(shippost.WritePosts); err != nil {
		return shippost.Creator{}, err
	}
	var account shippost.Account
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		account, err = tx.Account(ctx, actor.Workspace, id)
		return err
	})
	if err != nil {
		return shippost.Creator{}, err
	}
	if p := judgeAccount(Draft{Account: id}, material{account: &account}); len(p) > 0 {
		return shippost.Creator{}, shippost.Errorf(shippost.Reconnect, p[0].Code, "%s", p[0].Message).With(p[0].Remedy)
	}
	creator, err := c.creators.Creator(ctx, account, creatorNow)
	if err != nil && c.platforms[account.Platform].Classify(err).Class == platform.Rate {
		// Whoever reloads a page faster than the platform lets us ask gets what it said last, if that is not old.
		creator, err = c.creators.Creator(ctx, account, creatorFresh)
	}
	if err == nil {
		return creator, c.note(ctx, account, creator)
	}
	if e := shippost.AsError(err); e.Kind != shippost.Internal {
		return creator, err
	}
	f := c.platforms[account.Platform].Classify(err)
	switch f.Class {
	case platform.Auth:
		return creator, shippost.Errorf(shippost.Reconnect, f.Code, "%s", f.Message).With(f.Remedy).Because(err)
	case platform.Quota, platform.Rate:
		e := shippost.Errorf(shippost.Wait, f.Code, "%s", f.Message).With(f.Remedy).Because(err)
		e.RetryAfter = f.RetryAfter
		return creator, e
	case platform.Declined, platform.Content:
		return creator, shippost.Errorf(shippost.Conflict, f.Code, "%s", f.Message).With(f.Remedy).Because(err)
	default:
		return creator, unreachable().Because(err)
	}
}

// note keeps a handle or a name that changed at the platform, for screens and for the addresses of posts.
func (c *Composer) note(ctx context.Context, account shippost.Account, creator shippost.Creator) error {
	if !account.Outdated(creator) {
		return nil
	}
	return c.db.Update(ctx, func(tx *store.Tx) error { return tx.NoteCreator(ctx, account, creator) })
}

func unreachable() *shippost.Error {
	return shippost.Errorf(shippost.Unavailable, "platform_unreachable",
		"TikTok does not answer at the moment, so we cannot ask what this account may do. Try again in a minute.").With(shippost.RemedyRetry)
}

// ask gets the creator's answer for judging a draft. Not being told is no obstacle, because the publisher asks again
// before it sends anything; being told that the creator cannot post is one.
func (c *Composer) ask(ctx context.Context, account shippost.Account, when When) creatorAnswer {
	creator, err := c.creators.Creator(ctx, account, creatorFresh)
	if err == nil {
		return creatorAnswer{creator: creator}
	}
	return creatorAnswer{doubts: []shippost.Problem{c.doubt(account, when, err)}}
}

// doubt says what an error of asking about a creator means for a post.
func (c *Composer) doubt(account shippost.Account, when When, err error) shippost.Problem {
	p := shippost.Problem{Field: "account_id", Severity: shippost.Block}
	if shippost.IsKind(err, shippost.Reconnect) {
		e := shippost.AsError(err)
		p.Code, p.Message, p.Remedy = e.Code, e.Message, shippost.RemedyReconnect
		return p
	}
	f := c.platforms[account.Platform].Classify(err)
	p.Code, p.Message, p.Remedy = f.Code, f.Message, f.Remedy
	switch f.Class {
	case platform.Auth, platform.Content, platform.Declined:
	case platform.Quota:
		// A cap of today says nothing about the day after tomorrow.
		if due, _ := when.resolve(c.db.Now(), shippost.Due{}); due.At.After(c.db.Now().Add(capPeriod)) {
			p.Severity = shippost.Warn
		}
	default:
		c.log.Info("a creator could not be asked about; the post is checked again before sending", "account", account.ID, "err", err)
		p.Code, p.Remedy, p.Severity = "creator_unchecked", shippost.RemedyNone, shippost.Warn
		p.Message = "TikTok does not answer at the moment, so we could not check what this account may do. It is checked again before posting."
	}
	return p
}
