package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"ship-post.com/shippost"
)

// The limits of the PostgreSQL pool. A node needs about ten connections at its busiest; the server's default limit
// of 100 then has room for several nodes.
const (
	postgresOpen     = 20
	postgresIdle     = 8
	postgresIdleTime = 5 * time.Minute
	postgresLife     = time.Hour // lets a moved server or a changed password take effect
)

// openPostgres opens the pool and refuses servers that are too old or may lose confirmed commits.
func (d *DB) openPostgres(ctx context.Context, address string) error {
	d.engine = Postgres
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		// The error of the parser repeats the address, which may hold a password.
		return shippost.Errorf(shippost.Invalid, "invalid_database_url",
			"The PostgreSQL address cannot be read. It looks like postgres://user@host/name.").With(shippost.RemedyOperator)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "shippost"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.MaxConns = 1 // of ListenPool
	d.config = config
	pool := stdlib.OpenDB(*config.ConnConfig)
	pool.SetMaxOpenConns(postgresOpen)
	pool.SetMaxIdleConns(postgresIdle)
	pool.SetConnMaxIdleTime(postgresIdleTime)
	pool.SetConnMaxLifetime(postgresLife)
	d.write, d.read = pool, pool
	return d.checkPostgres(ctx)
}

// boundPause has PostgreSQL end a transaction that writes when nothing comes of it for a while. A process that is stopped or
// cut off in its middle would keep all that it locked, from the other nodes too, for as long as the server takes it for alive;
// this is less than the lease after which they go on with its work. Readers lock nothing and may take their time.
func (d *DB) boundPause(ctx context.Context, tx *sql.Tx) error {
	if d.engine != Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = '10s'"); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	return nil
}

// oldestPostgres is the lowest server_version_num we run on.
const oldestPostgres = 140000

func (d *DB) checkPostgres(ctx context.Context) error {
	var version int
	var name, fsync, commit string
	row := d.write.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, "+
		"current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')")
	if err := row.Scan(&version, &name, &fsync, &commit); err != nil {
		return shippost.Errorf(shippost.Unavailable, "database_unreachable",
			"PostgreSQL does not answer.").With(shippost.RemedyOperator).Because(fmt.Errorf("ask for settings: %w", err))
	}
	return soundPostgres(version, name, fsync, commit)
}

// soundPostgres refuses a server that is too old or may lose confirmed commits (reliability §6).
func soundPostgres(version int, name, fsync, commit string) error {
	switch {
	case version < oldestPostgres:
		return unusable("PostgreSQL %s is too old. ShipPost needs version 14 or later.", name)
	case fsync == "off":
		return unusable("PostgreSQL runs with fsync = off and can lose what it confirmed. Turn it on.")
	case commit == "off":
		return unusable("PostgreSQL runs with synchronous_commit = off and can lose what it confirmed. Turn it on.")
	default:
		return nil
	}
}

// ListenPool returns a new pool for one connection that waits for notifications, for package jobs only. PostgreSQL
// only. The caller closes it.
func (d *DB) ListenPool(ctx context.Context) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, d.config.Copy())
	if err != nil {
		return nil, fmt.Errorf("set up notifications: %w", err)
	}
	return pool, nil
}
