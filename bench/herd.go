package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ship-post.com/shippost/client"
)

// herd is many posts due at one instant.
type herd struct {
	posts    int
	accounts int
	size     int64
	files    int           // different ones
	ahead    time.Duration // from the last post's creation to the due time
}

// dailyPosts is TikTok's cap of posts for an account and day; a herd uses as many accounts as it demands.
const dailyPosts = 15

// measureSmall releases the largest herd, of small files.
func measureSmall(ctx context.Context, b *bench) ([]line, error) {
	h := pick(b, herd{posts: 2000, accounts: 500, size: 60_000, files: 8, ahead: 100 * time.Second},
		herd{posts: 10_000, accounts: 1000, size: 60_000, files: 100, ahead: 5 * time.Minute})
	return b.herd(ctx, "small", h, "p99 ≤ 1 s")
}

func measureHerd(ctx context.Context, b *bench) ([]line, error) {
	const posts = 1000
	// At four inits a minute and account, fifteen posts of one account need four minutes to be staged.
	h := pick(b, herd{posts, posts / 4, 8_000_000, 8, 100 * time.Second},
		herd{posts, (posts + dailyPosts - 1) / dailyPosts, 8_000_000, 100, 6 * time.Minute})
	return b.herd(ctx, "herd", h, "p50 ≤ 20 ms, p99 ≤ 100 ms, max ≤ 500 ms")
}

func (b *bench) herd(ctx context.Context, name string, h herd, want string) (_ []line, err error) {
	s, err := b.newStage(ctx, name, h.accounts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	bare, err := s.bare(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("the bare requests: %w", err)
	}
	b.log("%s: bare requests %s", name, bare)
	r, err := s.publish(ctx, h)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("%d posts of %s over %d accounts: sent − due", h.posts, amount(h.size), h.accounts)
	lines := []line{
		{what, want, r.sent.String(), bare.String() + " (bare held requests)", times(r.sent.at(0.99), bare.at(0.99)) + " at p99"},
		{"– the last byte at TikTok − due", "", r.arrived.String(), "", ""},
		{"– early, lost, twice", "0, 0, 0", fmt.Sprintf("%d, %d, %d", r.sent.early()+r.arrived.early(), r.lost, r.twice), "", ""},
		{"– all confirmed after", "", r.confirmed.Round(100 * time.Millisecond).String(), "", ""},
		{"– memory at most", "", mib(r.peak), mib(r.idle) + " before", ""},
		{"– processor time of the product, whole run", "", r.cpu.Round(10 * time.Millisecond).String(), "", ""},
	}
	return lines, r.flaws()
}

func amount(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.3g GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3g MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.3g kB", float64(n)/1e3)
	}
}

// result is what became of a herd.
type result struct {
	sent        spread // by the product's word
	arrived     spread // by the simulator's
	lost, twice int
	ended       map[string]int // posts by status
	confirmed   time.Duration  // from the due time until every post had ended
	idle, peak  int64          // memory before, and at most
	cpu         time.Duration
}

// flaws is an error if a promise was broken. Slowness is none.
func (r result) flaws() error {
	if n := r.sent.early() + r.arrived.early(); n+r.lost+r.twice > 0 {
		return fmt.Errorf("%d early, %d lost, %d twice; the posts ended as %v", n, r.lost, r.twice, r.ended)
	}
	return nil
}

// publish schedules the herd and waits until all of it has ended.
func (s *stage) publish(ctx context.Context, h herd) (r result, err error) {
	media, err := s.videos(ctx, h.size, h.files)
	if err != nil {
		return r, err
	}
	if r.idle, _, err = s.product.memory(); err != nil {
		return r, err
	}
	if err := s.product.forgetPeak(); err != nil {
		return r, err
	}
	cpu := s.product.cpu()
	// Creating takes as long as it takes; nothing is staged before all posts are there.
	due := time.Now().Add(h.ahead + time.Duration(h.posts)*10*time.Millisecond).Truncate(time.Second)
	began := time.Now()
	err = each(h.posts, 16, func(i int) error {
		caption := fmt.Sprintf("%d of the herd of %s", i, due.Format(time.TimeOnly))
		_, err := s.api.CreatePost(ctx, post(s.accounts[i%h.accounts].ID, media[i%len(media)], caption, due), "")
		return err
	})
	if err != nil {
		return r, fmt.Errorf("create the posts: %w", err)
	}
	s.b.log("%s: %d posts created in %s, due in %s", s.name, h.posts, time.Since(began).Round(time.Millisecond), time.Until(due).Round(time.Second))
	if err := sleep(ctx, time.Until(due)+5*time.Second); err != nil {
		return r, err
	}
	posts, err := s.waitEnded(ctx, due, 10*time.Minute)
	if err != nil {
		return r, err
	}
	r.confirmed = time.Since(due)
	r.cpu = s.product.cpu() - cpu
	if _, r.peak, err = s.product.memory(); err != nil {
		return r, err
	}
	return r, s.compare(ctx, &r, posts, due)
}

// waitEnded asks until all posts due at an instant have ended, or the time is over, and returns them.
func (s *stage) waitEnded(ctx context.Context, due time.Time, patience time.Duration) ([]client.Post, error) {
	herd := client.PostQuery{From: due, To: due.Add(time.Millisecond), ByDue: true}
	open := herd
	open.Status, open.Limit = "queued,publishing", 1
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		some, err := s.api.Posts(ctx, open)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
	return s.api.Posts(ctx, herd)
}

// published is a post as the simulator's viewers see it.
type published struct {
	Caption     string    `json:"caption"`
	Size        int64     `json:"size"`
	FirstInitAt time.Time `json:"first_init_at"`
	LastByteAt  time.Time `json:"last_byte_at"`
}

// compare holds what the product says against what the simulator saw.
func (s *stage) compare(ctx context.Context, r *result, posts []client.Post, due time.Time) error {
	var seen []published
	if err := s.control(ctx, http.MethodGet, "/_sim/posts", nil, &seen); err != nil {
		return err
	}
	count := map[string]int{}
	ours := map[string]bool{}
	for _, p := range posts {
		ours[p.Caption] = true
	}
	for _, p := range seen {
		if ours[p.Caption] {
			count[p.Caption]++
			r.arrived = append(r.arrived, p.LastByteAt.Sub(due))
		}
	}
	r.ended = map[string]int{}
	for _, p := range posts {
		r.ended[p.Status]++
		switch {
		case count[p.Caption] == 0:
			r.lost++
		case count[p.Caption] > 1:
			r.twice++
		}
		if !p.CommittedAt.IsZero() {
			r.sent = append(r.sent, p.CommittedAt.Sub(p.DueAt))
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
