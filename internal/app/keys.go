package app

import (
	"context"
	"errors"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/rotate"
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

// checkKeys refuses keys that do not fit the database: those of another server, or from before a rotation elsewhere.
func (a *App) checkKeys(ctx context.Context) error {
	check := ""
	read := func(tx *store.Tx) (err error) {
		check, err = tx.Meta(ctx, seal.CheckID)
		return err
	}
	if err := a.db.View(ctx, read); err != nil {
		return err
	}
	if check == "" {
		fresh, err := a.sealer.Check()
		if err != nil {
			return err
		}
		if err := a.db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.SwapMeta(ctx, seal.CheckID, "", fresh); err != nil {
				return err
			}
			return read(tx)
		}); err != nil {
			return err
		}
	}
	return a.sealer.Verify(check)
}

// openMade is Open for commands that change a server which is there. In a wrong folder they would make a new one, and
// say that all is done.
func openMade(ctx context.Context, c config.Config, o Options) (*App, error) {
	db, err := store.Look(ctx, store.Options{URL: c.DatabaseURL.Reveal(), Now: chaos.Now})
	if err == nil {
		err = db.Close()
	}
	if shippost.IsCode(err, "no_database") {
		return nil, shippost.Errorf(shippost.NotFound, "no_database", "There is no ShipPost in the data folder %s. Run this with the settings of shippost serve, as the same user.", c.DataDir).
			With(shippost.RemedyOperator)
	}
	return Open(ctx, c, o) // which judges anything else
}

// RotateKeys gives the server that c describes a new key, seals everything anew and retires the old keys. With SQLite that server must not run.
func RotateKeys(ctx context.Context, c config.Config, o Options) (r rotate.Result, err error) {
	a, err := openMade(ctx, c, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err = a.rotator.Begin(ctx, false); err != nil {
		return r, err
	}
	if r, err = a.rotator.Finish(ctx); err == nil {
		err = a.chain.Seal(ctx)
	}
	return r, err
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
