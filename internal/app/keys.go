package app

import (
	"context"

	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// openSealer opens the keyset that seals stored secrets: in the key folder of a single machine, in the database when
// several share one. The master key that wraps it is the configured one, or lies in the key folder.
func (a *App) openSealer(ctx context.Context) (*seal.Sealer, error) {
	if a.config.MasterKey.IsZero() {
		return seal.CreateOrLoad(ctx, a.config.KeyDir())
	}
	master, err := seal.ParseMasterKey(a.config.MasterKey.Reveal())
	if err != nil {
		return nil, err
	}
	return seal.Open(ctx, master, databaseShelf{a.db})
}

// databaseShelf keeps the wrapped keyset where all nodes find it.
type databaseShelf struct{ db *store.DB }

var _ seal.Shelf = databaseShelf{}

// keysetKey is the row of the wrapped keyset.
const keysetKey = "keyset"

// Load implements seal.Shelf.
func (s databaseShelf) Load(ctx context.Context) (wrapped string, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		wrapped, err = tx.Meta(ctx, keysetKey)
		return err
	})
	return wrapped, err
}

// Swap implements seal.Shelf.
func (s databaseShelf) Swap(ctx context.Context, old, fresh string) (swapped bool, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		swapped, err = tx.SwapMeta(ctx, keysetKey, old, fresh)
		return err
	})
	return swapped, err
}
