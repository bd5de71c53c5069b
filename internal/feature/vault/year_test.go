package vault_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// P5: a year goes by in which TikTok rotates in every way it may, has outages, loses requests and changes its lifetimes,
// while nodes look after the tokens side by side. Every day a post wants to go out; each finds a token that works, and
// the account is not lost once.
func TestPromise_P05_AYearWithoutADisconnect(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		chance := rand.New(rand.NewPCG(5, uint64(len(b.nodes))))
		end := b.clock.Now().AddDate(1, 0, 0)
		step, outage, refused := time.Hour, 0, 0
		for b.clock.Now().Before(end) {
			step = b.weather(chance, step, &outage)
			post := chance.IntN(int(24 * time.Hour / step))
			for hour := range int(24 * time.Hour / step) {
				if outage--; outage == 0 {
					b.knobs(func(k *tiktoksim.Knobs) { k.Faults = nil })
				}
				b.keepAll()
				if hour == post && !b.works(b.token(b.nodes[chance.IntN(len(b.nodes))])) {
					refused++
				}
				b.clock.Advance(step)
			}
		}
		if refused > 0 {
			t.Errorf("%d posts found a token that TikTok refuses", refused)
		}
		b.knobs(func(k *tiktoksim.Knobs) { k.Faults = nil })
		b.clock.Advance(time.Minute)
		b.healthy()
		// Six hours before the end of each day's token, or half an hour before that of a two-hour one.
		if n := b.effects("token_refreshed"); n < 400 || n > 6000 {
			t.Errorf("%d refreshes in a year", n)
		}
	})
}

// weather changes how TikTok behaves today and returns how often the nodes must look.
func (b *bench) weather(chance *rand.Rand, yesterday time.Duration, outage *int) (step time.Duration) {
	rotate := []string{"always", "always", "sometimes", "never"}[chance.IntN(4)]
	order := []string{"documented", "reversed", "random"}[chance.IntN(3)]
	short := chance.IntN(20) == 0
	step = time.Hour
	if short {
		step = 15 * time.Minute
	}
	var faults []tiktoksim.Fault
	if *outage <= 0 && step == time.Hour && yesterday == time.Hour {
		switch chance.IntN(6) {
		case 0:
			*outage = 1 + chance.IntN(4) // hours; no longer than a token has left when it is first looked after
			faults = []tiktoksim.Fault{{Endpoint: "token", At: "before_effect", Do: "status", Status: 503, Times: -1}}
		case 1:
			faults = []tiktoksim.Fault{{Endpoint: "token", At: "before_effect", Do: "reset"}}
		}
	}
	b.knobs(func(k *tiktoksim.Knobs) {
		k.Token.Rotate, k.Token.FieldOrder, k.Token.OmitRefreshToken = rotate, order, chance.IntN(2) == 0
		k.Token.OldAccessDies, k.Token.ErrorStatus = chance.IntN(2) == 0, []int{200, 400, 401}[chance.IntN(3)]
		k.Token.Lifetimes = "24h_365d"
		if short {
			k.Token.Lifetimes = "2h_180d"
		}
		if faults != nil || *outage <= 0 {
			k.Faults = faults
		}
	})
	return step
}

// keepAll has all nodes look after the tokens at the same time. Outages are not their fault.
func (b *bench) keepAll() {
	var all sync.WaitGroup
	for _, node := range b.nodes {
		all.Go(func() { _ = node.Keep(b.t.Context()) })
	}
	all.Wait()
}
