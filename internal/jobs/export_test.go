package jobs

import (
	"context"

	"ship-post.com/shippost/internal/store"
)

// NewSchema is what a first start on SQLite runs instead of River's migrations.
var NewSchema = newSchema

// MigrateStepwise runs one of River's migrations after the other.
func MigrateStepwise(ctx context.Context, db *store.DB) error {
	migrator, err := migrations(db)
	if err != nil {
		return err
	}
	return step(ctx, db, migrator)
}
