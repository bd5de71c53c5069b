package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestAdminAudit checks the log of a server that has ended, as it was and after somebody changed it.
func TestAdminAudit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHIPPOST_TIKTOK_CLIENT_SECRET", "secret")
	args := []string{"--tiktok-client-key", "aw123", "--data-dir", dir, "--listen", "127.0.0.1:0", "--public-url", "http://localhost:8080"}
	run := func(command string) (string, int) {
		t.Helper()
		var out, errOut bytes.Buffer
		exit := Main(append([]string{"admin", "audit", command}, args...), &out, &errOut)
		return out.String() + errOut.String(), exit
	}
	if said, exit := run("verify"); exit != exitFailed || !strings.Contains(said, "not there yet") {
		t.Errorf("without a server: %d %s", exit, said)
	}
	change := func(query string, entries ...shippost.Entry) {
		t.Helper()
		db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(dir, "shippost.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Record(t.Context(), entries...) }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.SQL().ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	change("SELECT 1", shippost.Entry{ID: "ent_one", Kind: shippost.EntryAdminMade})
	if said, exit := run("restored"); exit != exitFailed || !strings.Contains(said, "no restored backup to note") {
		t.Errorf("nothing was restored: %d %s", exit, said)
	}
	if said, exit := run("verify"); exit != 0 || !strings.Contains(said, "1 entry, unbroken since") {
		t.Errorf("as it was: %d %s", exit, said)
	}
	change("UPDATE journal SET kind = 'admin.read' WHERE id = 'ent_one'")
	if said, exit := run("verify"); exit != exitFailed || !strings.Contains(said, "Broken at entry ent_one (number 1, admin.read)") || !strings.Contains(said, "not what this server wrote") {
		t.Errorf("changed: %d %s", exit, said)
	}
	change("DELETE FROM journal_links")
	if said, exit := run("restored"); exit != 0 || !strings.Contains(said, "Noted in the audit log. 2 entries, unbroken since") {
		t.Errorf("restored: %d %s", exit, said)
	}
}

// TestAdminBreach looks, ends, and writes whom to tell, on a server that has ended.
func TestAdminBreach(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SHIPPOST_TIKTOK_CLIENT_SECRET", "secret")
	run := func(args ...string) (string, int) {
		t.Helper()
		var out, errOut bytes.Buffer
		exit := Main(append([]string{"admin", "breach", "--tiktok-client-key", "aw123", "--data-dir", dir, "--listen", "127.0.0.1:0", "--public-url", "http://localhost:8080"}, args...), &out, &errOut)
		return out.String() + errOut.String(), exit
	}
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(dir, "shippost.db")})
	if err != nil {
		t.Fatal(err)
	}
	actor := storetest.Workspace(t, db)
	storetest.Account(t, db, actor)
	storetest.Update(t, db, func(tx *store.Tx) error {
		now := tx.Now()
		return tx.InsertSession(t.Context(), &store.Session{Hash: "h", ID: "ses_x", User: actor.User, Workspace: actor.Workspace, CreatedAt: now, ProvedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)})
	})
	if said, exit := run(); exit != exitFailed || !strings.Contains(said, "already uses the data folder") {
		t.Errorf("beside a server: %d %s", exit, said)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if said, exit := run(); exit != 0 || !strings.Contains(said, "would end      1 sessions") || !strings.Contains(said, "would end      1 accesses") || !strings.Contains(said, "Nothing was changed") {
			t.Errorf("looking: %d %s", exit, said)
		}
	}
	report := filepath.Join(t.TempDir(), "breach.json")
	if said, exit := run("--now", "--report", report, "--since", "2020-01-02T03:04:05Z"); exit != 0 || !strings.Contains(said, "ended      1 sessions") || !strings.Contains(said, "1 people to tell") || !strings.Contains(said, "The keys were rotated") {
		t.Errorf("ending: %d %s", exit, said)
	}
	text, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(text), string(actor.User)) || !strings.Contains(string(text), "2020-01-02T03:04:05Z") {
		t.Errorf("%s %v", text, err)
	}
	if said, exit := run("--now", "--report", report); exit != exitFailed || !strings.Contains(said, "does not exist yet") {
		t.Errorf("over a report: %d %s", exit, said)
	}
	if said, exit := run("--now"); exit != 0 || !strings.Contains(said, "ended      0 sessions") || !strings.Contains(said, "ended      0 accesses") {
		t.Errorf("again: %d %s", exit, said)
	}
	if said, exit := run("--since", "2026-11-20T08:00:00Z"); exit == 0 || !strings.Contains(said, "--report") {
		t.Errorf("a timeline without a report: %d %s", exit, said)
	}
	if said, exit := run("--since", "yesterday"); exit != exitUsage || !strings.Contains(said, `"yesterday" is no time`) {
		t.Errorf("a time that is none: %d %s", exit, said)
	}
}
