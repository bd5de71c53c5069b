package publish

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
)

// What waits together is written together, in order; what one of a batch meets is told to it alone.
func TestTogether(t *testing.T) {
	var q together[int]
	bad := errors.New("one that nobody can write")
	var batches [][]int
	write := func(batch []int) error {
		batches = append(batches, slices.Clone(batch))
		if slices.Contains(batch, 4) {
			return bad
		}
		return nil
	}
	told := map[int]error{}
	tell := func(one int, err error) {
		if _, again := told[one]; again {
			t.Errorf("%d was told twice", one)
		}
		told[one] = err
		if one == 1 && q.add(9) {
			t.Error("a second writer was asked for while one drained")
		}
	}
	for i := range 8 {
		if begin := q.add(i); begin != (i == 0) {
			t.Errorf("add %d asks for a writer: %v", i, begin)
		}
	}
	q.drain(3, write, tell)
	want := [][]int{{0, 1, 2}, {3, 4, 5}, {3}, {4, 5}, {4}, {5}, {6, 7, 9}}
	if !slices.EqualFunc(batches, want, slices.Equal) {
		t.Errorf("wrote %v, want %v", batches, want)
	}
	for one := range 10 {
		if err, ok := told[one]; ok != (one != 8) || (err != nil) != (one == 4) {
			t.Errorf("%d was told %v, %v", one, err, ok)
		}
	}
	if !q.add(10) {
		t.Error("nobody drains any more, and nobody is asked to")
	}
}

// When not all fit into one batch, the order says who goes first; who comes later and should have gone before is next.
func TestTogether_Order(t *testing.T) {
	q := together[int]{order: cmp.Compare[int]}
	for _, i := range []int{5, 3, 9, 1, 7} {
		q.add(i)
	}
	var batches [][]int
	q.drain(2, func(batch []int) error {
		if batches = append(batches, slices.Clone(batch)); len(batches) == 1 {
			q.add(2)
		}
		return nil
	}, func(int, error) {})
	if want := [][]int{{1, 3}, {2, 5}, {7, 9}}; !slices.EqualFunc(batches, want, slices.Equal) {
		t.Errorf("wrote %v, want %v", batches, want)
	}
}

// Whoever can still keep its time goes before a backlog, the earliest first, and those of one instant in the order of their rows.
func TestDueFirst(t *testing.T) {
	at := func(id shippost.PostID, due time.Duration, late bool) *candidate {
		post := shippost.Post{ID: id, Due: shippost.Due{At: time.Unix(0, 0).Add(due)}}
		return &candidate{r: &runner{s: situation{Post: post}, a: shippost.Attempt{Post: id}}, late: late}
	}
	list := []*candidate{at("d", -time.Hour, true), at("c", time.Second, false), at("b", 0, false), at("e", -time.Minute, true), at("a", time.Second, false)}
	slices.SortFunc(list, dueFirst)
	var got []string
	for _, c := range list {
		got = append(got, string(c.r.a.Post))
	}
	if want := []string{"b", "a", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}
