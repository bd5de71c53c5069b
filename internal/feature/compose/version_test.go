package compose_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/store/storetest"
)

// Each change of a post can be looked up with who made it; what is saved while somebody types is one.
func TestVersions(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		w, err := d.Create(ctx, d.actor, d.good(func(dr *compose.Draft) { dr.When, dr.Caption = compose.When{}, "one" }), compose.Once{})
		if err != nil {
			t.Fatal(err)
		}
		id := w.Post.ID
		write := func(by shippost.Actor, caption string, change ...func(*compose.Change)) {
			t.Helper()
			ch := compose.Change{Caption: &caption}
			for _, f := range change {
				f(&ch)
			}
			if _, err := d.Edit(ctx, by, id, ch); err != nil {
				t.Fatal(err)
			}
		}
		captions := func() (all []string) {
			t.Helper()
			list, _, err := d.Versions(ctx, d.actor, id)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list {
				all = append(all, v.Caption)
			}
			return all
		}
		same := func(want ...string) {
			t.Helper()
			got := captions()
			if len(got) != len(want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		}
		same("one")
		for _, caption := range []string{"one t", "one tw", "one two"} {
			d.clock.Advance(10 * time.Second)
			write(d.actor, caption)
		}
		same("one two", "one")
		d.clock.Advance(3 * time.Minute)
		write(d.actor, "three")
		same("three", "one two", "one")
		program := d.actor
		program.Kind, program.Key = shippost.ActorKey, shippost.NewAPIKeyID(noon)
		d.clock.Advance(time.Second)
		write(program, "four")
		same("four", "three", "one two", "one")
		write(d.actor, "five", func(ch *compose.Change) {
			ch.When, ch.TikTok = compose.When{Local: "2026-05-02T09:00:00", Zone: "Europe/Zurich"}, &compose.TikTokChange{Consent: true}
		})
		d.clock.Advance(time.Second)
		if _, err := d.Reschedule(ctx, d.actor, id, 0, compose.When{Local: "2026-05-03T09:00:00", Zone: "Europe/Zurich"}); err != nil {
			t.Fatal(err)
		}
		same("five", "five", "four", "three", "one two", "one")
		list, names, err := d.Versions(ctx, d.actor, id)
		if err != nil {
			t.Fatal(err)
		}
		if v := list[0]; v.Due.Local != "2026-05-03T09:00:00" || v.Status != shippost.PostQueued || v.By != d.actor.User || v.Options.TikTok.Consent {
			t.Errorf("the latest is %+v", v)
		}
		if list[2].Key != program.Key || list[1].Due.Local != "2026-05-02T09:00:00" || names[d.actor.User] == "" {
			t.Errorf("got %+v by %v", list, names)
		}
		if _, _, err := d.Versions(ctx, storetest.Workspace(t, d.db), id); !shippost.IsCode(err, "post_not_found") {
			t.Errorf("a stranger sees them: %v", err)
		}
		for i := range compose.MaxVersions + 5 {
			d.clock.Advance(time.Minute)
			_ = i
			if _, err := d.Reschedule(ctx, d.actor, id, 0, compose.When{At: noon.Add(48*time.Hour + time.Duration(i)*time.Minute)}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(captions()); n != compose.MaxVersions {
			t.Errorf("%d versions are kept", n)
		}
	})
}
