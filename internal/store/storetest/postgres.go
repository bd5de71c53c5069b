package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest/postgres"
)

// ServerVariable names the environment variable with the address of a PostgreSQL server that all tests share; its
// user must be allowed to create databases. Without it each test process starts a server of its own.
const ServerVariable = "SHIPPOST_TEST_POSTGRES_URL"

// Postgres returns a fresh PostgreSQL database. It is closed and dropped when the test ends.
func Postgres(t *testing.T, options ...Option) *store.DB {
	t.Helper()
	return open(t, PostgresURL(t), options)
}

// PostgresURL returns the address of a fresh, migrated PostgreSQL database, for tests that open it themselves.
func PostgresURL(t *testing.T) string {
	t.Helper()
	c, err := sharedCluster()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	// The test's context is cancelled before its cleanup runs.
	ctx := context.WithoutCancel(t.Context())
	if _, err := c.admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+c.template); err != nil {
		t.Fatalf("create the test database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := c.admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return c.database(name)
}

// cluster is a server with a template database that has the schema of this program.
type cluster struct {
	url      string
	admin    *sql.DB
	template string
	server   *postgres.Server // ours, if we started one; held here because the server ends when this is collected
}

// sharedCluster returns the one server this process uses. A server it starts ends with the process.
var sharedCluster = sync.OnceValues(func() (*cluster, error) {
	ctx := context.Background()
	c := &cluster{url: os.Getenv(ServerVariable)}
	if c.url == "" {
		server, err := postgres.Start(ctx)
		if err != nil {
			return nil, err
		}
		c.server, c.url = server, server.URL
	}
	var err error
	if c.admin, err = sql.Open("pgx", c.url); err != nil {
		return nil, err
	}
	c.admin.SetMaxOpenConns(4)
	if c.template, err = templateName(); err != nil {
		return nil, err
	}
	return c, c.prepare(ctx)
})

// templateName depends on the schema, so that processes of different versions can share a server.
func templateName() (string, error) {
	made, err := sqliteTemplate()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(made.schema))
	return "shippost_" + hex.EncodeToString(sum[:8]), nil
}

// prepare makes the template unless another process did. A half-made one never has the name.
func (c *cluster) prepare(ctx context.Context) error {
	conn, err := c.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7240174)"); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(ctx, "SELECT pg_advisory_unlock(7240174)") }()
	var there bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", c.template).Scan(&there); err != nil || there {
		return err
	}
	building := c.template + "_new"
	for _, query := range []string{"DROP DATABASE IF EXISTS " + building, "CREATE DATABASE " + building} {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	db, err := migrated(ctx, c.database(building))
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "ALTER DATABASE "+building+" RENAME TO "+c.template)
	return err
}

// database returns the address of another database of the server.
func (c *cluster) database(name string) string {
	u, err := url.Parse(c.url)
	if err != nil {
		panic("the server's address was used before: " + err.Error())
	}
	u.Path = "/" + name
	return u.String()
}
