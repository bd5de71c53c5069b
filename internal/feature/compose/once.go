package compose

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Once makes a request that is repeated with the same key act only once (reliability C30). The zero Once has no key.
type Once struct {
	Key    string
	Hash   string                        // of what is asked
	Answer func(Written) ([]byte, error) // what is answered, and kept for repetitions
}

const created = 201 // the HTTP status of what is kept

// keepReplies is how long a repeated request gets the same answer at least.
const keepReplies = 24 * time.Hour

// repeated returns the stored answer of a request that was carried out before, so that a repetition costs little.
func (c *Composer) repeated(ctx context.Context, actor shippost.Actor, once Once) (body []byte, err error) {
	if once.Key == "" {
		return nil, nil
	}
	err = c.db.View(ctx, func(tx *store.Tx) error {
		r, ok, err := tx.Reply(ctx, who(actor), once.Key)
		if err != nil || !ok {
			return err
		}
		body, err = once.replay(r)
		return err
	})
	return body, err
}

// claim takes the key in the transaction that carries the request out. Two requests with one key meet here: the
// second waits for the first to end and then gets its answer.
func (c *Composer) claim(ctx context.Context, tx *store.Tx, actor shippost.Actor, once Once) (_ *store.Reply, replay []byte, err error) {
	if once.Key == "" {
		return nil, nil, nil
	}
	r := &store.Reply{Actor: who(actor), Key: once.Key, BodyHash: once.Hash, CreatedAt: tx.Now()}
	for {
		ours, err := tx.ClaimReply(ctx, r)
		if err != nil || ours {
			return r, nil, err
		}
		before, ok, err := tx.Reply(ctx, r.Actor, r.Key)
		if err != nil {
			return nil, nil, err
		}
		if ok { // else it was forgotten just now, and the key is free
			replay, err = once.replay(before)
			return nil, replay, err
		}
	}
}

// replay returns a stored answer, unless it was given to another question.
func (o Once) replay(r store.Reply) ([]byte, error) {
	if r.BodyHash != o.Hash {
		return nil, shippost.Errorf(shippost.Invalid, "idempotency_key_reused",
			"This Idempotency-Key was used for a different request. Use a new key for each new post.").At("Idempotency-Key")
	}
	return []byte(r.Body), nil
}

// finish keeps the answer for repetitions.
func (o Once) finish(ctx context.Context, tx *store.Tx, r *store.Reply, w Written) error {
	if r == nil {
		return nil
	}
	body, err := o.Answer(w)
	if err != nil {
		return err
	}
	r.Status, r.Body = created, string(body)
	return tx.FinishReply(ctx, r)
}

// who names an actor within keys: two people, or two workspaces, never share one.
func who(actor shippost.Actor) string {
	if actor.Key != "" {
		return string(actor.Workspace) + "/" + string(actor.Key)
	}
	return string(actor.Workspace) + "/" + string(actor.User)
}

// Sweep forgets the answers that nobody may ask for again. Run it about once an hour.
func (c *Composer) Sweep(ctx context.Context) error {
	return c.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.ForgetReplies(ctx, tx.Now().Add(-keepReplies))
		return err
	})
}
