package store

import (
	"context"
	"database/sql"
	"errors"
)

// Meta returns a value that belongs to the whole installation; "" when it was never set.
func (t *Tx) Meta(ctx context.Context, key string) (string, error) {
	var value string
	err := t.value(ctx, []any{&value}, "SELECT value FROM meta WHERE key = $1", key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// SetMeta sets a value that belongs to the whole installation.
func (t *Tx) SetMeta(ctx context.Context, key, value string) error {
	_, err := t.exec(ctx, "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}
