package admin

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// S4: a wrong code takes as long for an administrator, for one without an app, and for anybody else: the time must not tell who is one.
func TestACheckTakesAsLongForEverybody(t *testing.T) {
	db := storetest.SQLite(t)
	sealer, err := seal.CreateOrLoad(t.Context(), filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	k := New(Options{DB: db, Sealer: sealer, PublicURL: "https://posts.example", Now: db.Now})
	made, err := key(shippost.Secret{}, k.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]shippost.UserID{"an administrator": storetest.Workspace(t, db).User, "one without an app": storetest.Workspace(t, db).User, "anybody": storetest.Workspace(t, db).User}
	for _, who := range []string{"an administrator", "one without an app"} {
		id := shippost.NewAdminID(db.Now())
		f := store.AdminFallback{Admin: id, User: people[who], CreatedAt: db.Now()}
		if who == "an administrator" {
			if f.Seed, err = sealer.Seal(shippost.NewSecret(made.Secret()), seedRow(id, "seed")); err != nil {
				t.Fatal(err)
			}
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertAdministrator(t.Context(), &store.Administrator{ID: id, Name: who, CreatedAt: tx.Now()}); err != nil {
				return err
			}
			return tx.InsertAdminFallback(t.Context(), &f)
		})
	}
	took := map[string][]time.Duration{}
	for range 500 {
		for who, id := range people { // in another order each time
			began := time.Now()
			_, err := k.check(t.Context(), id, "no code")
			took[who] = append(took[who], time.Since(began))
			if !shippost.IsCode(err, "code_refused") {
				t.Fatal(err)
			}
		}
	}
	var middles []time.Duration
	for who := range people {
		slices.Sort(took[who])
		middles = append(middles, took[who][len(took[who])/2])
		t.Logf("%s: %s", who, took[who][len(took[who])/2])
	}
	// The work is the same. What the machine does beside it is not, so the bound is wider than what is measured.
	if least, most := slices.Min(middles), slices.Max(middles); most > least*5/4 {
		t.Errorf("between %s and %s", least, most)
	}
}
