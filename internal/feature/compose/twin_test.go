package compose_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// The same file on the same account is worth a word, and never more than that.
func TestTwins(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		first := d.queued()
		again := d.file(d.actor, shippost.MediaReady) // the same bytes, uploaded once more
		other := d.file(d.actor, shippost.MediaReady)
		storetest.Update(t, d.db, func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), "UPDATE media SET sha256 = 'cd34' WHERE id = $1", string(other))
			return err
		})
		elsewhere := storetest.Account(t, d.db, d.actor)
		later := func(days int) func(*compose.Draft) {
			return func(dr *compose.Draft) { dr.When = compose.When{At: noon.Add(time.Duration(days) * 24 * time.Hour)} }
		}
		with := func(id shippost.MediaID) func(*compose.Draft) {
			return func(dr *compose.Draft) { dr.Media = []shippost.MediaID{id} }
		}
		says := func(caption string) func(*compose.Draft) { return func(dr *compose.Draft) { dr.Caption = caption } }
		for name, c := range map[string]struct {
			change []func(*compose.Draft)
			want   string
		}{
			"the same again":                  {nil, "same_post"},
			"spaces make no other caption":    {[]func(*compose.Draft){says(" Tide pools\n")}, "same_post"},
			"the same months later":           {[]func(*compose.Draft){later(90)}, "same_post"},
			"without a time":                  {[]func(*compose.Draft){func(dr *compose.Draft) { dr.When = compose.When{} }}, "same_post"},
			"another caption":                 {[]func(*compose.Draft){says("High tide")}, "same_file"},
			"another caption in 29 days":      {[]func(*compose.Draft){says("High tide"), later(29)}, "same_file"},
			"another caption in 31 days":      {[]func(*compose.Draft){says("High tide"), later(31)}, ""},
			"the same bytes under a new name": {[]func(*compose.Draft){with(again)}, "same_post"},
			"another file":                    {[]func(*compose.Draft){with(other)}, ""},
			"another account":                 {[]func(*compose.Draft){func(dr *compose.Draft) { dr.Account = elsewhere.ID }}, ""},
			"more files":                      {[]func(*compose.Draft){func(dr *compose.Draft) { dr.Media = append(dr.Media, other) }}, ""},
			"the post itself":                 {[]func(*compose.Draft){func(dr *compose.Draft) { dr.Post = first.ID }}, ""},
		} {
			v, err := d.Validate(t.Context(), d.actor, d.good(c.change...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got := twin(v.Problems)
			if got.Code != c.want || c.want != "" && (got.Post != first.ID || got.Severity != shippost.Warn) {
				t.Errorf("%s: got %+v, want %q of %s", name, got, c.want, first.ID)
			}
		}

		w, err := d.Create(t.Context(), d.actor, d.good(), compose.Once{})
		if err != nil || twin(w.Problems).Post != first.ID || w.Post.Status != shippost.PostQueued {
			t.Errorf("a second one is queued all the same, and said to be one: %+v, %v", w, err)
		}
		if said := twin(w.Problems).Message; !strings.Contains(said, "it goes out on 1 May 2026, 13:00") {
			t.Errorf("it says %q", said)
		}
		for _, id := range []shippost.PostID{first.ID, w.Post.ID} {
			if _, err := d.Cancel(t.Context(), d.actor, id, 0); err != nil {
				t.Fatal(err)
			}
		}
		v, err := d.Validate(t.Context(), d.actor, d.good())
		if err != nil || twin(v.Problems).Code != "" {
			t.Errorf("what does not go out is no twin: %+v, %v", v.Problems, err)
		}
		stranger := storetest.Workspace(t, d.db)
		v, err = d.Validate(t.Context(), stranger, d.good())
		if err != nil || twin(v.Problems).Code != "" {
			t.Errorf("a stranger learns of it: %+v, %v", v.Problems, err)
		}
	})
}

// twin returns what is said about another post.
func twin(problems []shippost.Problem) shippost.Problem {
	for _, p := range problems {
		if p.Code == "same_post" || p.Code == "same_file" {
			return p
		}
	}
	return shippost.Problem{}
}

// others returns the problems but for what is said about posts of the same file.
func others(problems []shippost.Problem) []shippost.Problem {
	return slices.DeleteFunc(problems, func(p shippost.Problem) bool { return p.Post != "" })
}
