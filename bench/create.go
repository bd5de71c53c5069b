package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureCreate has 32 clients create posts, one request each, in a workspace that fills up meanwhile. They are due a minute
// after one another: no account gets more of a day than TikTok takes, which each creation looks after.
func measureCreate(ctx context.Context, b *bench) (_ []line, err error) {
	const clients, sample = 32, 2000
	posts := pick(b, 20_000, 100_000)
	s, err := b.newStage(ctx, "create", posts/400)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	media, err := s.videos(ctx, 100_000, 1)
	if err != nil {
		return nil, err
	}
	due := time.Now().Add(30 * 24 * time.Hour).Truncate(time.Second)
	made := 0
	create := func(n int) (perSecond float64, err error) {
		began := time.Now()
		err = each(n, clients, func(i int) error {
			i += made
			_, err := s.api.CreatePost(ctx, post(s.accounts[i%len(s.accounts)].ID, media[0], "one of many", due.Add(time.Duration(i)*time.Minute)), "")
			return err
		})
		made += n
		return float64(n) / time.Since(began).Seconds(), err
	}
	if _, err := create(100); err != nil {
		return nil, err
	}
	raw, err := b.commits(ctx)
	if err != nil {
		return nil, err
	}
	cpu := s.product.cpu()
	few, err := create(sample)
	if err != nil {
		return nil, err
	}
	if _, err := create(posts - made - sample); err != nil {
		return nil, err
	}
	many, err := create(sample)
	if err != nil {
		return nil, err
	}
	cpu = (s.product.cpu() - cpu) / time.Duration(posts-100)
	rawLater, err := b.commits(ctx)
	if err != nil {
		return nil, err
	}
	rate := func(v float64) string { return fmt.Sprintf("%.0f a second", v) }
	return []line{
		{"creating posts, 32 clients, from 100 posts on", "≥ 0.5 × raw commits", rate(few), rate(raw) + " (raw single-row commits)", times(few, raw)},
		{fmt.Sprintf("– the same with %d posts in the workspace", posts), "flat", rate(many), rate(rawLater) + " (raw single-row commits)",
			times(many, rawLater) + ", " + times(many, few) + " of before"},
		// What a busy machine leaves as it is.
		{"– processor time of the product for each post", "", cpu.Round(time.Microsecond).String(), "", ""},
	}, nil
}
