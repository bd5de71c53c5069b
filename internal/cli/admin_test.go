package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
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
