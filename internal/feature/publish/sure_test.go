package publish

import (
	"testing"
	"time"
)

func TestClockSure(t *testing.T) {
	var none time.Time
	for _, c := range []struct {
		name       string
		told, last time.Time
		steady     time.Duration
		want       bool
	}{
		{"nothing is known", none, none, 0, false},
		{"a platform says so", due, none, 0, true},
		{"it was sure just now", none, due.Add(-time.Hour), 0, true},
		{"it was sure within two days", none, due.Add(-48*time.Hour + time.Second), 0, true},
		{"it was sure two days ago", none, due.Add(-48 * time.Hour), 0, false},
		{"it is behind", none, due.Add(time.Hour), 0, true},
		{"it has been steady for less than a day", none, due.Add(-400 * 24 * time.Hour), 24*time.Hour - time.Second, false},
		{"it has been steady for a day", none, due.Add(-400 * 24 * time.Hour), 24 * time.Hour, true},
	} {
		if got := clockSure(due, c.told, c.last, c.steady); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// off has the server be off for a while, and be started by a clock that is set ahead.
func (b *bubble) off(d, ahead time.Duration) {
	b.t.Helper()
	b.halt()
	b.pass(d)
	b.clock.step(ahead)
	b.forget()
	b.start()
	b.pass(10 * time.Second)
}

// sure fails unless the clock is, or is not, right enough to remove by. Publishing goes by it in any case.
func (b *bubble) sure(want bool, when string) {
	b.t.Helper()
	if !b.ClockTrusted(b.t.Context()) {
		b.t.Errorf("%s: publishing does not go by the clock", when)
	}
	if got := b.ClockSure(b.t.Context()); got != want {
		b.t.Errorf("%s: what is removed for its age goes by the clock: %t, want %t", when, got, want)
	}
}

// By a clock that is far ahead at a start at which no platform answers nothing is removed for its age, nor at the next such start. It is
// when a platform says what time it is, when the server was not off for long, and after a day in which nothing spoke against the clock.
func TestClockSure_AtStart(t *testing.T) {
	t.Parallel()
	const ahead = 400 * 24 * time.Hour
	onEachEngine(t, func(t *testing.T, fresh freshDatabase) {
		inBubbleOn(t, fresh, func(b *bubble) {
			b.pass(10 * time.Second)
			b.sure(true, "a platform says what time it is")
			b.platform.deaf = true
			b.off(47*time.Hour, 0)
			b.sure(true, "off for less than two days")
			b.off(time.Minute, ahead)
			b.sure(false, "started far ahead")
			b.off(time.Minute, 0)
			b.sure(false, "started far ahead once more")
			b.platform.deaf = false
			if b.ClockSure(b.t.Context()) {
				t.Error("what is removed for its age goes by a clock that a platform contradicts")
			}
			b.off(time.Minute, -ahead)
			b.sure(true, "put right, as a platform says")

			b.platform.deaf = true
			b.off(72*time.Hour, 0)
			b.sure(false, "off for three days")
			b.halt()
			b.pass(23 * time.Hour)
			b.sure(false, "steady for less than a day")
			b.pass(time.Hour)
			b.sure(true, "steady for a day")
			b.start()
		})
	})
}

// Two good readings end a hold of publishing, though the clock may still be wrong: what cannot be taken back waits for more.
func TestClockSure_AfterAJump(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.pass(10 * time.Second)
		b.sure(true, "a platform says what time it is")
		b.platform.deaf = true
		b.clock.step(400 * 24 * time.Hour)
		b.pass(10 * time.Second)
		if b.ClockSure(b.t.Context()) {
			t.Error("what is removed for its age goes by a clock that jumped")
		}
		b.pass(5 * time.Minute)
		b.sure(false, "after two good readings")
	})
}
