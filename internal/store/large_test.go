package store_test

import (
	"errors"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestLargeStatements: a statement may change more than SQLite keeps in memory to undo it, and what fails after it in the same
// transaction leaves nothing of it.
func TestLargeStatements(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const rows = 4000 // of a page each: several times any amount that was ever kept in memory
		exec := func(query string, args ...any) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(t.Context(), query, args...)
				return err
			}
		}
		storetest.Update(t, db, exec("CREATE TABLE large (id BIGINT PRIMARY KEY, number BIGINT UNIQUE, words TEXT)"))
		storetest.Update(t, db, exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			INSERT INTO large SELECT i, i, $2 FROM n`, rows, strings.Repeat("w", 3000)))
		change := exec("UPDATE large SET number = number + 1000000, words = words || 'x'")
		changed := func() (n int) {
			storetest.View(t, db, func(tx *store.Tx) error {
				return tx.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM large WHERE number > 1000000").Scan(&n)
			})
			return n
		}

		nothing := errors.New("nothing of it")
		for name, update := range map[string]func(func(*store.Tx) error) error{
			"alone":    func(fn func(*store.Tx) error) error { return db.Update(t.Context(), fn) },
			"together": func(fn func(*store.Tx) error) error { return db.UpdateTogether(t.Context(), fn) },
		} {
			if err := update(func(tx *store.Tx) error { return errors.Join(change(tx), nothing) }); !errors.Is(err, nothing) || changed() != 0 {
				t.Errorf("%s: %v, and %d rows are changed; want none", name, err, changed())
			}
		}
		// In the midst of the statement the last row is met, which is there already.
		storetest.Update(t, db, exec("INSERT INTO large VALUES ($1, $2, '')", rows+1, rows+1000000))
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			if change(tx) == nil {
				t.Error("two rows have the same number")
			}
			return nil
		}); db.Engine() == store.SQLite && (err != nil || changed() != 1) {
			t.Errorf("a statement that fails: %v, and %d rows are changed; want 1, which is another's", err, changed())
		}
		storetest.Update(t, db, exec("DELETE FROM large WHERE id = $1", rows+1))
		if err := db.UpdateTogether(t.Context(), change); err != nil || changed() != rows {
			t.Errorf("%v, and %d rows are changed; want %d", err, changed(), rows)
		}
	})
}
