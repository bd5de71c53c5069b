package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// childURL is set when this test binary is to act as a second process that opens a database and says how it went.
const childURL = "STORE_TEST_CHILD_URL"

func TestMain(m *testing.M) {
	if address := os.Getenv(childURL); address != "" {
		os.Exit(child(address))
	}
	os.Exit(m.Run())
}

// child prints the error of opening a database, or "open" and then waits until its standard input ends.
func child(address string) int {
	_, err := store.Open(context.Background(), store.Options{URL: address})
	if err != nil {
		fmt.Println(shippost.AsError(err).Code, err)
		return 0
	}
	fmt.Println("open")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

func TestOpenRefusesASecondProcess(t *testing.T) {
	t.Parallel()
	address := storetest.SQLiteURL(t)
	db, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+address)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("run the second process: %v", err)
	}
	if want := fmt.Sprintf("data_folder_in_use Process %d already uses", os.Getpid()); !strings.HasPrefix(string(out), want) {
		t.Errorf("the second process said %q, want %q …", out, want)
	}
	if err := db.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	again, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenAfterAProcessWasKilled(t *testing.T) {
	t.Parallel()
	address := storetest.SQLiteURL(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+address)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 5)
	if _, err := stdout.Read(said); err != nil || string(said) != "open\n" {
		t.Fatalf("the first process said %q, %v; want %q", said, err, "open")
	}
	if _, err := store.Open(t.Context(), store.Options{URL: address}); !shippost.IsCode(err, "data_folder_in_use") {
		t.Errorf("Open beside it = %v, want data_folder_in_use", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	db, err := store.Open(t.Context(), store.Options{URL: address})
	if err != nil {
		t.Fatalf("Open after kill -9: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenKeepsFilesPrivate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "data")
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(folder, "shippost.db")})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() { _ = db.Close() }()
	storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "motto", "once") })
	want := map[string]os.FileMode{folder: 0o700}
	for _, name := range []string{"shippost.db", "shippost.db-wal", "shippost.db-shm", "shippost.lock"} {
		want[filepath.Join(folder, name)] = 0o600
	}
	for name, mode := range want {
		s, err := os.Stat(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if s.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", name, s.Mode().Perm(), mode)
		}
	}
}

func TestOpenWarnsOfAnOpenFolder(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]bool{0o700: false, 0o750: true, 0o755: true} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(folder, "shippost.db"), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), folder); got != want {
			t.Errorf("a folder of mode %o: warned = %v, want %v:\n%s", mode, got, want, log.String())
		}
	}
}

func TestOpenTakesRightsFromAnExistingFile(t *testing.T) {
	t.Parallel()
	path := strings.TrimPrefix(storetest.SQLiteURL(t), "sqlite:")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + path})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() { _ = db.Close() }()
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; want 0600", s.Mode(), err)
	}
}

func TestOpenIsDurable(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := db.SQL().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", pragma, got, err, want)
		}
	}
	if n := db.SQL().Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d connections may write, want 1", n)
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	for engine, address := range map[string]string{"sqlite": storetest.SQLiteURL(t), "postgres": storetest.PostgresURL(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(t.Context(), store.Options{URL: address})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			_, err = db.SQL().ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)", trueIn[db.Engine()])
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			before := content(t, address)
			_, err = store.Open(t.Context(), store.Options{URL: address})
			if !shippost.IsCode(err, "newer_data") || !strings.Contains(err.Error(), "9999") {
				t.Errorf("Open = %v, want newer_data that names the schema", err)
			}
			if !bytes.Equal(before, content(t, address)) {
				t.Error("the refused database was changed")
			}
		})
	}
}

// trueIn is how goose writes that a migration ran.
var trueIn = map[store.Engine]any{store.SQLite: 1, store.Postgres: true}

// content is all there is to compare: the file, or the tables' row counts and columns.
func content(t *testing.T, address string) []byte {
	t.Helper()
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var text []byte
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position)
		FROM information_schema.columns WHERE table_schema = 'public') || (SELECT string_agg(version_id::text, ' ' ORDER BY id) FROM goose_db_version)`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOpenRefusesWhatIsNoDatabaseOfOurs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database. "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(folder, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE songs (name TEXT)")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, url, code string }{
		{"a text file", "sqlite:" + text, "database_unusable"},
		{"another program's database", "sqlite:" + foreign, "database_unusable"},
		{"a folder", "sqlite:" + folder, "database_unusable"},
		{"memory", "sqlite::memory:", "invalid_database_url"},
		{"settings", "sqlite:" + filepath.Join(folder, "a.db") + "?_pragma=synchronous(OFF)", "invalid_database_url"},
		{"no path", "sqlite:", "invalid_database_url"},
		{"another engine", "mysql://localhost/shippost", "invalid_database_url"},
		{"nothing", "", "invalid_database_url"},
		{"a broken address", "postgres://user:geheim@host:port/db", "invalid_database_url"},
		{"nobody there", "postgres://postgres@/shippost?host=" + url.QueryEscape(folder), "database_unreachable"},
	} {
		_, err := store.Open(t.Context(), store.Options{URL: c.url})
		if !shippost.IsCode(err, c.code) {
			t.Errorf("%s: Open = %v, want %s", c.name, err, c.code)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error gives the password away: %v", c.name, err)
		}
	}
}

func TestOpenRefusesAnUnsafePostgres(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Options{URL: storetest.PostgresURL(t) + "&synchronous_commit=off"})
	if !shippost.IsCode(err, "database_unusable") || !strings.Contains(err.Error(), "synchronous_commit") {
		t.Errorf("Open with synchronous_commit=off = %v, want database_unusable that names the setting", err)
	}
	for _, c := range []struct {
		name          string
		version       int
		fsync, commit string
		ok            bool
	}{
		{"the oldest", 140000, "on", "on", true},
		{"replicated", 170002, "on", "remote_apply", true},
		{"too old", 130022, "on", "on", false},
		{"without fsync", 170002, "off", "on", false},
		{"without waiting", 170002, "on", "off", false},
	} {
		if err := store.SoundPostgres(c.version, "x", c.fsync, c.commit); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok = %v", c.name, err, c.ok)
		}
	}
}

func TestSoundSQLite(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"3.51.2": false, "3.51.3": true, "3.52.0": false, "3.52.1": true, "3.54.1": true, "4.0.0": true,
		"3.9.0": false, "new": false} {
		if got := store.SoundSQLite(version); got != want {
			t.Errorf("SQLite %s: sound = %v, want %v", version, got, want)
		}
	}
}
