package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// engineOnly are tables that one engine has and the other has not.
var engineOnly = map[string]store.Engine{"river_notification": store.SQLite}

// P3, E3: nothing is kept that the catalogue does not name, on either engine. A new column without a line fails here.
func TestPromise_P03_EveryTableAndColumnIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var schema map[string][]string
		storetest.View(t, db, func(tx *store.Tx) (err error) {
			schema, err = tx.Schema(t.Context())
			return err
		})
		listed := map[string]bool{}
		for _, table := range lifecycle.Tables {
			listed[table.Name] = true
			have, ok := schema[table.Name]
			if !ok {
				if only := engineOnly[table.Name]; only == "" || only == db.Engine() {
					t.Errorf("the catalogue names %s, which is no table", table.Name)
				}
				continue
			}
			if len(table.Columns) == 0 {
				continue // a table of a library; it holds nothing of ours
			}
			var want []string
			for _, c := range table.Columns {
				want = append(want, c.Name)
			}
			slices.Sort(want)
			slices.Sort(have)
			if !slices.Equal(have, want) {
				t.Errorf("%s has the columns\n  %v\nand the catalogue says\n  %v", table.Name, have, want)
			}
		}
		for name := range schema {
			if !listed[name] {
				t.Errorf("%s is not in the catalogue: say whose data it holds, why, for how long, and how it is exported and erased", name)
			}
		}
	})
}

// A line that does not say why and how long is none, and whoever keeps a person's data says what becomes of it.
func TestCatalogueIsComplete(t *testing.T) {
	t.Parallel()
	for _, table := range lifecycle.Tables {
		if table.Purpose == "" || table.Lifetime == "" {
			t.Errorf("%s: the catalogue does not say why or how long", table.Name)
		}
		if len(table.Columns) == 0 && !strings.HasPrefix(table.Name, "river_") && table.Name != "goose_db_version" {
			t.Errorf("%s: only tables of libraries may go without columns", table.Name)
		}
		refers := map[string]bool{}
		for _, c := range table.Columns {
			refers[c.Name] = true
		}
		for column, tie := range map[string]lifecycle.Tie{"workspace_id": table.Workspace, "user_id": table.Person, "account_id": table.Account} {
			// Consents, posts and attempts are a workspace's, also what a member wrote there.
			if refers[column] && tie.Fate == lifecycle.None && table.Workspace.Fate == lifecycle.None {
				t.Errorf("%s has %s, but the catalogue does not say what becomes of its rows", table.Name, column)
			}
		}
		for column := range table.Person.Blank {
			if !refers[column] {
				t.Errorf("%s: %s is blanked and is no column", table.Name, column)
			}
		}
	}
	for _, kind := range lifecycle.Files {
		if kind.Purpose == "" || kind.Lifetime == "" {
			t.Errorf("%s: the catalogue does not say why or how long", kind.Where)
		}
	}
}
