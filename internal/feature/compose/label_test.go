package compose_test

import (
	"slices"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/label"
	"ship-post.com/shippost/internal/store/storetest"
)

// Posts are found by their labels, which never change what is sent.
func TestLabels(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		k := label.New(d.db)
		make := func(by shippost.Actor, name string) shippost.LabelID {
			t.Helper()
			l, err := k.Add(ctx, by, shippost.Label{Name: name, Colour: "teal"})
			if err != nil {
				t.Fatal(err)
			}
			return l.ID
		}
		spring, sale := make(d.actor, "Spring"), make(d.actor, "  Big   sale ")
		stranger := storetest.Workspace(t, d.db)
		theirs := make(stranger, "Spring")
		plain := d.queued()
		both := d.queued(func(dr *compose.Draft) { dr.Labels = []shippost.LabelID{spring, sale, spring} })
		one := d.queued(func(dr *compose.Draft) { dr.Labels = []shippost.LabelID{sale} })

		labelled := []shippost.PostID{both.ID, one.ID}
		slices.Sort(labelled)
		find := func(labels ...shippost.LabelID) (ids []shippost.PostID) {
			t.Helper()
			for _, order := range []compose.Order{compose.NewestFirst, compose.DueFirst} {
				posts, _, err := d.List(ctx, d.actor, compose.Filter{Labels: labels, Order: order, Limit: 10})
				if err != nil {
					t.Fatal(err)
				}
				var got []shippost.PostID
				for _, p := range posts {
					got = append(got, p.ID)
				}
				slices.Sort(got)
				if ids != nil && !slices.Equal(ids, got) {
					t.Errorf("the orders differ: %v, %v", ids, got)
				}
				ids = got
			}
			return ids
		}
		if got := find(spring); !slices.Equal(got, []shippost.PostID{both.ID}) {
			t.Errorf("spring: %v", got)
		}
		if got := find(spring, sale); !slices.Equal(got, labelled) {
			t.Errorf("spring or sale: %v", got)
		}
		if got := find(theirs); len(got) != 0 {
			t.Errorf("a label of others: %v", got)
		}
		days, err := d.Calendar(ctx, d.actor, compose.Timetable{From: "2026-05-01", Days: 1, Zone: "UTC", Keep: 9, Labels: []shippost.LabelID{sale}})
		if err != nil || days[0].Spans[0].Count != 2 {
			t.Errorf("calendar: %+v, %v", days, err)
		}

		for code, err := range map[string]error{
			"label_not_found": d.Label(ctx, d.actor, plain.ID, []shippost.LabelID{theirs}),
			"post_not_found":  d.Label(ctx, stranger, plain.ID, []shippost.LabelID{theirs}),
			"too_many_labels": d.Label(ctx, d.actor, plain.ID, slices.Repeat([]shippost.LabelID{spring}, shippost.MaxPostLabels+1)),
		} {
			if !shippost.IsCode(err, code) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
		if err := d.Label(ctx, d.actor, plain.ID, []shippost.LabelID{spring}); err != nil {
			t.Fatal(err)
		}
		if got := d.get(plain.ID); got.Version != plain.Version || got.Status != shippost.PostQueued {
			t.Errorf("a label changed the post: %+v", got)
		}
		copied, err := d.Duplicate(ctx, d.actor, both.ID)
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.Labels(ctx, d.actor, []shippost.PostID{copied.Post.ID, plain.ID})
		if err != nil || len(found[copied.Post.ID]) != 2 || len(found[plain.ID]) != 1 {
			t.Errorf("got %v, %v", found, err)
		}
		if err := d.Delete(ctx, d.actor, copied.Post.ID); err != nil {
			t.Errorf("a draft with labels: %v", err)
		}

		if _, err := k.Add(ctx, d.actor, shippost.Label{Name: "spring", Colour: "red"}); !shippost.IsCode(err, "label_exists") {
			t.Errorf("the same name: %v", err)
		}
		if l, err := k.Change(ctx, d.actor, shippost.Label{ID: spring, Name: "SPRING", Colour: "red"}); err != nil || l.Name != "SPRING" || l.CreatedAt.IsZero() {
			t.Errorf("another case of its own name: %+v, %v", l, err)
		}
		for code, l := range map[string]shippost.Label{"invalid_name": {Name: " \t", Colour: "red"}, "invalid_colour": {Name: "x", Colour: "#ff0000"}} {
			if _, err := k.Add(ctx, d.actor, l); !shippost.IsCode(err, code) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
		if _, err := k.Change(ctx, stranger, shippost.Label{ID: spring, Name: "mine", Colour: "red"}); !shippost.IsCode(err, "label_not_found") {
			t.Errorf("a stranger changes it: %v", err)
		}
		if err := k.Remove(ctx, stranger, spring); !shippost.IsCode(err, "label_not_found") {
			t.Errorf("a stranger removes it: %v", err)
		}
		if err := k.Remove(ctx, d.actor, spring); err != nil || len(find(spring)) != 0 || len(find(sale)) != 2 {
			t.Errorf("removing it: %v", err)
		}
	})
}
