package publish

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// One account with a thousand files must not keep another's single one waiting for all of them.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare(8)
		var order []string
		var giveBack []func()
		ask := func(ctx context.Context, account, workspace string) {
			go func() {
				back, err := s.take(ctx, account, workspace)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("take: %v", err)
					}
					return
				}
				order, giveBack = append(order, account), append(giveBack, back)
			}()
			synctest.Wait()
		}
		next := func() string {
			before := len(order)
			back := giveBack[0]
			giveBack = giveBack[1:]
			back()
			synctest.Wait()
			return order[before]
		}
		for range 12 {
			ask(t.Context(), "busy", "agency")
		}
		if len(order) != 8 {
			t.Fatalf("%d of 8 places were given to the only one who asked", len(order))
		}
		gone, cancel := context.WithCancel(t.Context())
		ask(gone, "gone", "shop")
		ask(t.Context(), "sister", "agency")
		ask(t.Context(), "one", "shop")
		ask(t.Context(), "two", "shop")
		ask(t.Context(), "three", "shop")
		cancel()
		synctest.Wait()
		// The shop comes before the agency until it holds its quarter. Then all that wait are over it, and the first goes on.
		var got []string
		for range 4 {
			got = append(got, next())
		}
		if want := []string{"one", "two", "busy", "busy"}; !slices.Equal(got, want) {
			t.Errorf("given to %v, want %v", got, want)
		}
		for len(giveBack) > 0 {
			back := giveBack[0]
			giveBack = giveBack[1:]
			back()
			synctest.Wait()
		}
		if s.free != 8 || len(s.held) != 0 || len(s.waiting) != 0 {
			t.Errorf("at the end %d places are free, %v held, %d wait", s.free, s.held, len(s.waiting))
		}
		if !slices.Contains(order, "three") || !slices.Contains(order, "sister") || slices.Contains(order, "gone") {
			t.Errorf("in all, places were given to %v", order)
		}
	})
}
