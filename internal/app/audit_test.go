package app

import (
	"log/slog"
	"path/filepath"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// setUp returns the set-up of a server on an engine, with folders of its own.
func setUp(t *testing.T, engine store.Engine) config.Config {
	t.Helper()
	c := config.Config{
		Address:  config.Address{Listen: "127.0.0.1:0", PublicURL: "http://localhost:8080"},
		Data:     config.Data{DataDir: filepath.Join(t.TempDir(), "data"), StorageQuota: 1 << 30},
		TikTok:   config.TikTok{APIURL: "https://open.tiktokapis.com", AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
		People:   config.People{Signup: "invite"},
		Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
	}
	if engine == store.Postgres {
		c.DatabaseURL, c.MasterKey = shippost.NewSecret(storetest.PostgresURL(t)), seal.NewMasterKey().Encode()
	}
	if err := c.CompleteAlone(); err != nil {
		t.Fatal(err)
	}
	return c
}

// S16: the log is checked from outside, beside a server that runs; the doctor says the same.
func TestS16_TheLogIsCheckedBesideTheServer(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c, ctx := setUp(t, engine), t.Context()
			if engine == store.SQLite {
				if _, err := VerifyAudit(ctx, c); !shippost.IsCode(err, "no_database") {
					t.Errorf("without a database: %v", err)
				}
			}
			a, err := Open(ctx, c, Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			says := func(state, what string) {
				t.Helper()
				d := doctor{config: c}
				d.log(ctx)
				wants(t, d.found, "audit log", state, what)
			}
			says(FindingOK, "Nothing is sealed yet")
			storetest.Update(t, a.db, func(tx *store.Tx) error {
				return tx.Record(ctx, shippost.Entry{ID: "ent_first", Kind: shippost.EntryAdminMade}, shippost.Entry{ID: "ent_second", Kind: shippost.EntryAdminRead})
			})
			if err := a.chain.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			if r, err := VerifyAudit(ctx, c); err != nil || r.Breaks != 0 || r.Entries != 2 {
				t.Errorf("%+v %v", r, err)
			}
			says(FindingOK, "2 entries, unbroken since")
			if _, err := a.db.SQL().ExecContext(ctx, "DELETE FROM journal WHERE id = 'ent_second'"); err != nil {
				t.Fatal(err)
			}
			if r, err := VerifyAudit(ctx, c); err != nil || r.Breaks != 1 || r.Named[0].Entry != "ent_second" {
				t.Errorf("%+v %v", r, err)
			}
			says(FindingFailure, "Broken at entry ent_second (number 2): it was removed.")
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			// What is left as if an older backup had been put back.
			back, err := store.Open(ctx, store.Options{URL: c.DatabaseURL.Reveal()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := back.SQL().ExecContext(ctx, "DELETE FROM journal_links WHERE entry_id = 'ent_second'"); err != nil {
				t.Fatal(err)
			}
			if err := back.Close(); err != nil {
				t.Fatal(err)
			}
			says(FindingFailure, "its end is missing, 1 more after this")
			if r, err := NoteRestored(ctx, c, Options{Log: slog.New(slog.DiscardHandler)}); err != nil || r.Breaks != 0 || r.Entries != 2 {
				t.Errorf("%+v %v", r, err)
			}
			says(FindingOK, "2 entries, unbroken since")
			elsewhere := c
			if engine == store.SQLite {
				elsewhere.DataDir = t.TempDir()
				elsewhere.StorageURL = "file://" + c.StorageDir()
			} else {
				elsewhere.DatabaseURL = shippost.NewSecret(storetest.PostgresURL(t))
			}
			if _, err := VerifyAudit(ctx, elsewhere); !shippost.IsCode(err, "no_keys") {
				t.Errorf("without keys: %v", err)
			}
		})
	}
}
