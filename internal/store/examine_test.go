package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestExamine looks at databases beside a process that uses them, and at what cannot be one.
func TestExamine(t *testing.T) {
	t.Parallel()
	url := storetest.SQLiteURL(t)
	db, err := store.Open(t.Context(), store.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	account := storetest.Account(t, db, storetest.Workspace(t, db))
	e, err := store.Examine(t.Context(), url)
	if err != nil || !e.There || e.Engine != store.SQLite || e.Version == "" || !strings.Contains(e.Settings, "synchronous = full") {
		t.Errorf("%+v, %v", e, err)
	}
	if len(e.Accounts) != 1 || e.Accounts[0].ID != account.ID || len(e.Accounts[0].Scopes) != len(account.Scopes) {
		t.Errorf("accounts %+v", e.Accounts)
	}

	dir := t.TempDir()
	if e, err := store.Examine(t.Context(), "sqlite:"+filepath.Join(dir, "none.db")); err != nil || e.There {
		t.Errorf("one that is not there: %+v, %v", e, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("looking made %v, %v", left, err)
	}
	for name, body := range map[string]string{"text.db": strings.Repeat("this is no database ", 100)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Examine(t.Context(), "sqlite:"+path); err == nil {
			t.Errorf("%s is taken for a database", name)
		}
	}
	open := strings.TrimPrefix(storetest.SQLiteURL(t), "sqlite:")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Examine(t.Context(), "sqlite:"+open); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := store.Examine(t.Context(), "mysql://somewhere"); err == nil {
		t.Error("an engine nobody knows is taken")
	}
	if _, err := store.Examine(t.Context(), "postgres://nobody:secret-word@127.0.0.1:1/none"); err == nil || strings.Contains(err.Error(), "secret-word") {
		t.Errorf("a server that is not there: %v", err)
	}
}
