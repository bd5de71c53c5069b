package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// queued adds a queued post of the actor's account.
func queued(t *testing.T, db *store.DB, actor shippost.Actor, account shippost.Account) shippost.Post {
	t.Helper()
	p := aPost(actor, account, db.Now(), file(t, db, actor, shippost.MediaReady))
	storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
	return p
}

func planned(p shippost.Post) shippost.Attempt {
	return shippost.Attempt{ID: shippost.NewAttemptID(p.CreatedAt), Post: p.ID, Workspace: p.Workspace, Account: p.Account,
		PostVersion: p.Version, Epoch: 1, State: shippost.AttemptPlanned, Owner: "node_1", Fence: 1, PlannedAt: p.CreatedAt}
}

// TestR01_SecondLiveAttemptIsRefused shows that the database itself keeps invariant I1, whatever code does.
func TestR01_SecondLiveAttemptIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		p := queued(t, db, actor, storetest.Account(t, db, actor))
		first := planned(p)
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertAttempt(ctx, &first) })
		states := []shippost.AttemptState{shippost.AttemptPlanned, shippost.AttemptInitSent, shippost.AttemptOpen, shippost.AttemptCommitting,
			shippost.AttemptHandedOver, shippost.AttemptLive, shippost.AttemptUnknown}
		for _, living := range states {
			storetest.Update(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE attempts SET state = $2 WHERE id = $1", first.ID, living)
				return err
			})
			for _, state := range states {
				second := planned(p)
				second.State = state
				if err := db.Update(ctx, func(tx *store.Tx) error { return tx.InsertAttempt(ctx, &second) }); err == nil {
					t.Fatalf("beside an attempt that is %s the database took one that is %s", living, state)
				}
			}
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE attempts SET state = 'dead', death = 'D1' WHERE id = $1", first.ID)
			return err
		})
		second := planned(p)
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertAttempt(ctx, &second) })
		if second.Number != 2 {
			t.Errorf("the attempt after a dead one has number %d, want 2", second.Number)
		}
		// Nor can a dead attempt come back beside a living one.
		err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE attempts SET state = 'open' WHERE id = $1", first.ID)
			return err
		})
		if err == nil {
			t.Error("the database let a dead attempt come back to life beside a living one")
		}
	})
}

func TestSchemaRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		p := queued(t, db, actor, account)
		a := planned(p)
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertAttempt(ctx, &a) })
		for _, c := range []struct {
			name  string
			query string
			args  []any
		}{
			{"a member who does not exist", "INSERT INTO members (workspace_id, user_id, role, created_at) VALUES ($1, 'usr_nobody', 'owner', 1)", []any{actor.Workspace}},
			{"an account of no workspace", "UPDATE accounts SET workspace_id = 'ws_nowhere' WHERE id = $1", []any{account.ID}},
			{"a post of no account", "UPDATE posts SET account_id = 'acc_nobody' WHERE id = $1", []any{p.ID}},
			{"deleting an account with posts", "DELETE FROM accounts WHERE id = $1", []any{account.ID}},
			{"deleting a post with attempts", "DELETE FROM posts WHERE id = $1", []any{p.ID}},
			{"a post in no known state", "UPDATE posts SET status = 'published' WHERE id = $1", []any{p.ID}},
			{"a queued post without a time", "UPDATE posts SET due_at = NULL WHERE id = $1", []any{p.ID}},
			{"an attempt in no known state", "UPDATE attempts SET state = 'sent' WHERE id = $1", []any{a.ID}},
			{"a death without proof", "UPDATE attempts SET state = 'dead' WHERE id = $1", []any{a.ID}},
			{"a user without a name", "INSERT INTO users (id, created_at) VALUES ('usr_1', 1)", nil},
		} {
			err := db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, c.query, c.args...)
				return err
			})
			if err == nil {
				t.Errorf("%s: the database took it", c.name)
			}
		}
	})
}

// TestSchemaIsTheSameOnBothEngines compares tables, columns and indexes, which one SQL text must have made alike.
func TestSchemaIsTheSameOnBothEngines(t *testing.T) {
	t.Parallel()
	lite := schema(t, storetest.SQLite(t), `SELECT m.name || '.' || p.name || CASE WHEN p."notnull" = 1 OR p.pk > 0 THEN '' ELSE ' null' END
		FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'
		UNION ALL SELECT 'index ' || name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`)
	postgres := schema(t, storetest.Postgres(t), `SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN '' ELSE ' null' END
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'`)
	if !slices.Equal(lite, postgres) {
		t.Errorf("SQLite:\n%s\nPostgreSQL:\n%s", strings.Join(lite, "\n"), strings.Join(postgres, "\n"))
	}
	if len(lite) < 100 {
		t.Errorf("only %d columns and indexes were found", len(lite))
	}
}

// schema returns our own tables' part of what a query lists, in order.
func schema(t *testing.T, db *store.DB, query string) []string {
	t.Helper()
	rows, err := db.SQL().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(line, "river_") && !strings.HasPrefix(line, "goose_") && !strings.HasPrefix(line, "sqlite_") {
			lines = append(lines, line)
		}
	}
	if err := errors.Join(rows.Err()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}
