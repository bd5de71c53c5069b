package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestMappingRoundTrips(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		row  store.Sample
		raw  string // what the columns at, span, list, map, doc, plain and ref hold
	}{
		{"empty", store.Sample{ID: "a"},
			`-|0|[]|{}||{"text":""}|-`},
		{"full", store.Sample{ID: "a", Count: 1<<62 + 1, On: true, Part: 29.97, At: time.Date(2026, 7, 1, 12, 0, 0, 123456000, time.UTC),
			Span: 90 * time.Microsecond, List: []string{"ä", "<b>"}, Map: map[string]any{"n": 1.5}, Doc: &store.Nested{Text: `"`},
			Plain: store.Nested{Text: "é"}, Ref: "usr_1"},
			`1782907200123456|90|["ä","<b>"]|{"n":1.5}|{"text":"\""}|{"text":"é"}|usr_1`},
		{"before 1970", store.Sample{ID: "a", At: time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), Span: -time.Second},
			`-1000000|-1000000|[]|{}||{"text":""}|-`},
		{"1970 itself is a time", store.Sample{ID: "a", At: time.Unix(0, 0).UTC()},
			`0|0|[]|{}||{"text":""}|-`},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, store.SampleTable); err != nil {
				return err
			}
			for _, c := range cases {
				if err := tx.InsertSample(ctx, &c.row); err != nil {
					t.Errorf("%s: insert: %v", c.name, err)
					return err
				}
				got, err := tx.Sample(ctx, "a")
				if diff := cmp.Diff(c.row, got); diff != "" || err != nil {
					t.Errorf("%s: read back %v (-want +got):\n%s", c.name, err, diff)
				}
				var raw string
				row := tx.SQL().QueryRowContext(ctx, `SELECT COALESCE(CAST(at AS TEXT), '-') || '|' || CAST(span AS TEXT) || '|' || list || '|' ||
					map || '|' || doc || '|' || plain || '|' || COALESCE(ref, '-') FROM samples`)
				if err := row.Scan(&raw); err != nil || raw != c.raw {
					t.Errorf("%s: stored %s, %v; want %s", c.name, raw, err, c.raw)
				}
				if _, err := tx.Exec(ctx, "DELETE FROM samples"); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func TestMappingTakesParametersByNumber(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		storetest.Update(t, db, func(tx *store.Tx) error {
			// SQLite numbers parameters by their first appearance; the second one comes first here.
			_, err := tx.Exec(ctx, "INSERT INTO meta (value, key) VALUES ($2, $1)", "key", "value")
			if err != nil {
				return err
			}
			got, err := tx.Meta(ctx, "key")
			if got != "value" {
				t.Errorf("the key holds %q, want %q", got, "value")
			}
			return err
		})
	})
}

func TestMappingRefusesTextThatCannotBeStored(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, text := range map[string]string{"NUL": "a\x00b", "half a rune": "a\xf0\x9f"} {
			err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "text", text) })
			if !shippost.IsCode(err, "invalid_text") {
				t.Errorf("%s: SetMeta = %v, want invalid_text", name, err)
			}
		}
		long := strings.Repeat("🌊", 100_000)
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.SetMeta(t.Context(), "text", long) })
		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Meta(t.Context(), "text")
			if got != long {
				t.Errorf("a long text came back with %d bytes, want %d", len(got), len(long))
			}
			return err
		})
	})
}

func TestMissingRowsAreNotFound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		storetest.Update(t, db, func(tx *store.Tx) error {
			if _, err := tx.Exec(t.Context(), store.SampleTable); err != nil {
				return err
			}
			_, err := tx.Sample(t.Context(), "nobody")
			if !shippost.IsKind(err, shippost.NotFound) || !shippost.IsCode(err, "paper_sample_not_found") {
				t.Errorf("Sample = %v, want paper_sample_not_found", err)
			}
			return nil
		})
	})
}
