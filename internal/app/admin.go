package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/store"
)

// adminCodeFile is where a code waits in the data folder while a server has the SQLite database for itself.
const adminCodeFile = "admin-code"

// AdminCode returns a code with which an administrator can be made. The server learns of it through the database they share,
// or with SQLite through a file in the data folder that only its owner may read.
func AdminCode(ctx context.Context, c config.Config) (code string, err error) {
	code, line := admin.NewCode(chaos.Now())
	if strings.HasPrefix(c.DatabaseURL.Reveal(), "sqlite:") {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return "", noFolder(c.DataDir, err)
		}
		if err := os.WriteFile(filepath.Join(c.DataDir, adminCodeFile), []byte(line+"\n"), 0o600); err != nil {
			return "", noFolder(c.DataDir, err)
		}
		return code, nil
	}
	db, err := store.Open(ctx, store.Options{URL: c.DatabaseURL.Reveal(), Now: chaos.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	return code, errors.Join(admin.LeaveCode(ctx, db, line), db.Close())
}

func noFolder(folder string, err error) error {
	return shippost.Errorf(shippost.Unavailable, "data_dir", "The data folder %s cannot be written to. Check the path and its owner.", folder).Because(err)
}
