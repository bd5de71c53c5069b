package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// Setback is as much of a post that did not go out, or that waits for something, as it takes to say why.
type Setback struct {
	Account shippost.AccountID
	Status  shippost.PostStatus
	At      time.Time // when the post was touched last
	Failure *shippost.Failure
	Hold    *shippost.Hold
}

// Setbacks returns the setbacks of the posts that a filter chooses, like Posts, without reading what else they are.
func (t *Tx) Setbacks(ctx context.Context, ws shippost.WorkspaceID, f PostFilter) (list []Setback, err error) {
	tail, args := f.query(ws)
	rows, err := t.query(ctx, "SELECT account_id, status, updated_at, failure, hold FROM posts "+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("list setbacks: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Setback
		if err := rows.Scan(&s.Account, &s.Status, at(&s.At), doc(&s.Failure), doc(&s.Hold)); err != nil {
			return nil, fmt.Errorf("list setbacks: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
