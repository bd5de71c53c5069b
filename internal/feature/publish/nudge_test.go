package publish

import (
	"testing"
	"time"
)

// Whoever plans a month does not have the dispatcher look once for each post: what wakes later it finds by itself.
func TestQueued_WakesForWhatIsSoon(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *bubble) {
		b.halt()
		account := b.account()
		for _, c := range []struct {
			in   time.Duration
			want int
		}{{2 * time.Hour, 0}, {40*time.Minute + b.tick + time.Second, 0}, {40 * time.Minute, 1}, {time.Minute, 1}} {
			select {
			case <-b.due:
			default:
			}
			b.schedule(account, c.in.String(), c.in, time.Hour)
			if got := len(b.due); got != c.want {
				t.Errorf("a post due in %s woke the dispatcher %d times, want %d", c.in, got, c.want)
			}
		}
		b.start()
	})
}
