package app

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// S16: a start with other settings is noted with their names; what they are stands nowhere, not even as a hash that could be tried out.
func TestS16_ChangedSettingsAreNoted(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c, ctx := setUp(t, engine), t.Context()
			start := func() (entries []shippost.Entry, dump string) {
				t.Helper()
				a, err := Open(ctx, c, Options{Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				if err := a.noteSettings(ctx); err != nil {
					t.Error(err)
				}
				entries, dump = storetest.Entries(t, a.db, shippost.EntrySettingsChanged), storetest.Dump(t, a.db)
				if err := a.Close(); err != nil {
					t.Error(err)
				}
				return entries, dump
			}
			for range 2 {
				if noted, _ := start(); len(noted) != 0 {
					t.Fatalf("nothing changed: %+v", noted)
				}
			}
			c.OperatorName, c.MetricsToken = "Studio Nord", shippost.NewSecret("a-token-of-metrics")
			for range 2 {
				noted, dump := start()
				if len(noted) != 1 || len(noted[0].Data) != 2 || noted[0].Data["SHIPPOST_OPERATOR_NAME"] == nil || noted[0].Data["SHIPPOST_METRICS_TOKEN"] == nil {
					t.Fatalf("%+v", noted)
				}
				if strings.Contains(dump, "Studio Nord") || strings.Contains(dump, "a-token-of-metrics") {
					t.Error("the database has what the settings are")
				}
			}
			c.MetricsToken = shippost.NewSecret("another-token-of-metrics")
			if noted, _ := start(); len(noted) != 2 || len(noted[1].Data) != 1 && len(noted[0].Data) != 1 {
				t.Errorf("%+v", noted)
			}
		})
	}
}

// Servers that start together for the first time agree on one key of the fingerprints, so none takes what another one noted for a change.
func TestServersThatStartTogetherNoteNoChange(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, err := Open(ctx, setUp(t, store.Postgres), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	for range 10 {
		storetest.Update(t, a.db, func(tx *store.Tx) error {
			return errors.Join(tx.DropMeta(ctx, settingsKey), tx.DropMeta(ctx, settingsMeta))
		})
		var servers sync.WaitGroup
		for range 4 {
			servers.Go(func() {
				if err := a.noteSettings(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		servers.Wait()
	}
	if noted := storetest.Entries(t, a.db, shippost.EntrySettingsChanged); len(noted) != 0 {
		t.Errorf("%d entries: %+v", len(noted), noted[0])
	}
}
