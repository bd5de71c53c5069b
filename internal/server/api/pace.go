package api

import (
	"net/http"
	"sync"
	"time"

	"ship-post.com/shippost"
)

// pace lets each sender ask so many times a minute: at once, or spread out. Each node counts for itself, in memory.
type pace struct {
	perMinute int // 0: as many as they like

	mu    sync.Mutex
	spent map[string]time.Time // when what they asked so far is over, were it spread out
}

// paced is how many senders are remembered before those who rested are dropped.
const paced = 1000

// take counts a request of a sender and returns how long they must wait with it: 0 while it is within the limit, else it does not count.
func (p *pace) take(sender string, now time.Time) time.Duration {
	if p.perMinute <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spent) >= paced {
		for who, until := range p.spent {
			if until.Before(now) {
				delete(p.spent, who)
			}
		}
	}
	until := p.spent[sender]
	if until.Before(now) {
		until = now
	}
	until = until.Add(time.Minute / time.Duration(p.perMinute))
	if wait := until.Sub(now) - time.Minute; wait > 0 {
		return wait
	}
	p.spent[sender] = until
	return 0
}

// keep refuses what is more than a person, or one of their programs that changes something, may ask in a minute (reliability §16).
func (a *API) keep(actor shippost.Actor, method string) error {
	now := a.opt.Now()
	wait := time.Duration(0)
	if actor.Kind == shippost.ActorKey && method != http.MethodGet && method != http.MethodHead {
		wait = a.writes.take(string(actor.Key), now)
	}
	if wait == 0 {
		wait = a.requests.take(string(actor.User), now)
	}
	if wait == 0 {
		return nil
	}
	e := shippost.Errorf(shippost.Wait, "too_many_requests", "You ask too much in a short time. Nothing was done; wait a moment, then ask again.").With(shippost.RemedyWait)
	e.RetryAfter = wait
	return e
}
