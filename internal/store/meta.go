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

// SwapMeta sets a value that belongs to the whole installation, if it still is old ("" for not set). It reports whether it was.
func (t *Tx) SwapMeta(ctx context.Context, key, old, value string) (bool, error) {
	if old == "" {
		return t.swap(ctx, "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", key, value)
	}
	return t.swap(ctx, "UPDATE meta SET value = $3 WHERE key = $1 AND value = $2", key, old, value)
}

// DropMeta removes a value that belongs to the whole installation, if there is one.
func (t *Tx) DropMeta(ctx context.Context, key string) error {
	_, err := t.exec(ctx, "DELETE FROM meta WHERE key = $1", key)
	return err
}
