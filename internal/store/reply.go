package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Reply is the answer to a request that carried an Idempotency-Key.
type Reply struct {
	Actor     string // who asked: workspace and key or user
	Key       string
	BodyHash  string // hex; of what was asked
	Status    int    // 0 until the answer is known
	Body      string
	CreatedAt time.Time
}

var replyTable = newTable("idempotent_replies",
	column[Reply]{"api_actor", func(r *Reply) any { return &r.Actor }},
	column[Reply]{"key", func(r *Reply) any { return &r.Key }},
	column[Reply]{"body_hash", func(r *Reply) any { return &r.BodyHash }},
	column[Reply]{"status", func(r *Reply) any { return &r.Status }},
	column[Reply]{"reply", func(r *Reply) any { return &r.Body }},
	column[Reply]{"created_at", func(r *Reply) any { return at(&r.CreatedAt) }},
)

// Reply returns the answer that was given to a key; false when there is none. However old it seems, it counts until it is
// forgotten: a clock that is ahead must not have a request carried out twice.
func (t *Tx) Reply(ctx context.Context, actor, key string) (Reply, bool, error) {
	r, err := replyTable.get(ctx, t, sql.ErrNoRows, "WHERE api_actor = $1 AND key = $2", actor, key)
	if errors.Is(err, sql.ErrNoRows) {
		return Reply{}, false, nil
	}
	return r, err == nil, err
}

// ClaimReply takes the key of r for this transaction, unless an answer was given to it. It reports whether it did. A
// transaction that claims the same key at the same time waits for this one to end.
func (t *Tx) ClaimReply(ctx context.Context, r *Reply) (bool, error) {
	return t.swap(ctx, replyTable.insertN+" ON CONFLICT (api_actor, key) DO NOTHING", replyTable.fields(r)...)
}

// FinishReply stores the answer to a key that was claimed in this transaction.
func (t *Tx) FinishReply(ctx context.Context, r *Reply) error {
	_, err := t.exec(ctx, "UPDATE idempotent_replies SET status = $1, reply = $2 WHERE api_actor = $3 AND key = $4", r.Status, r.Body, r.Actor, r.Key)
	return err
}

// ForgetReplies deletes the answers that were given until the instant and returns how many.
func (t *Tx) ForgetReplies(ctx context.Context, until time.Time) (int64, error) {
	return t.exec(ctx, "DELETE FROM idempotent_replies WHERE created_at <= $1", moment(until))
}
