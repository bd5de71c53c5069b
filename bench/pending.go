package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ship-post.com/shippost/client"
)

// measurePending runs the same small herd with an empty queue and with a full one. The queue is filled in the database
// while the product is stopped, which takes seconds; over the API it would take minutes.
func measurePending(ctx context.Context, b *bench) (_ []line, err error) {
	pending := pick(b, 100_000, 1_000_000)
	h := herd{posts: 200, accounts: 50, size: 1_000_000, files: 4, ahead: 60 * time.Second}
	s, err := b.newStage(ctx, "pending", h.accounts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	empty, err := s.pendingRound(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("with an empty queue: %w", err)
	}
	address := s.product.URL
	if err := s.stopProduct(); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.fill(ctx, pending); err != nil {
		return nil, fmt.Errorf("fill the queue: %w", err)
	}
	b.log("pending: %d posts written in %s", pending, time.Since(began).Round(time.Second))
	began = time.Now()
	if err := s.startProduct(ctx, address); err != nil {
		return nil, err
	}
	started := time.Since(began)
	full, err := s.pendingRound(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("with a full queue: %w", err)
	}
	return []line{
		{fmt.Sprintf("%d pending posts (written into the database): sent − due of %d posts", pending, h.posts), "≤ 1.2 × of an empty queue",
			full.sent.String(), empty.sent.String() + " (empty queue)", times(full.sent.at(0.99), empty.sent.at(0.99)) + " at p99"},
		{"– memory at most", "≤ 1.2 ×", mib(full.peak), mib(empty.peak), times(full.peak, empty.peak)},
		{"– a page of the calendar, 200 posts of a month", "≤ 100 ms", ms(full.page.at(0.5)) + ", slowest " + ms(full.page.at(1)), ms(empty.page.at(0.5)), ""},
		{"– start to first answer", "≤ 100 ms", ms(started), "", ""},
	}, nil
}

type pendingResult struct {
	result
	page spread // how long a page of the calendar took
}

func (s *stage) pendingRound(ctx context.Context, h herd) (p pendingResult, err error) {
	if p.result, err = s.publish(ctx, h); err != nil {
		return p, err
	}
	if err := p.flaws(); err != nil {
		return p, err
	}
	for range 20 {
		began := time.Now()
		from := began.Add(60 * 24 * time.Hour)
		if _, err := s.api.Posts(ctx, client.PostQuery{From: from, To: from.Add(30 * 24 * time.Hour), ByDue: true, Limit: 200}); err != nil {
			return p, err
		}
		p.page = append(p.page, time.Since(began))
	}
	return p, nil
}

// fill copies one post of the product's own so many times as one that waits, with its media and a line of the journal, over the
// year that may be planned ahead. They are of accounts of their own, copies too, so that none has more than the 500 that may wait.
func (s *stage) fill(ctx context.Context, n int) (err error) {
	db, err := openSQLite(filepath.Join(s.data(), "shippost.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	copies := func(n int, table, which string, change map[string]string) error {
		rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info($1)", table)
		if err != nil {
			return err
		}
		var names, values []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return errors.Join(err, rows.Close())
			}
			if name == "seq" {
				continue // counted by the database
			}
			value, ok := change[name]
			if !ok {
				value = "t." + name
			}
			names, values = append(names, name), append(values, value)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d)
			INSERT INTO %s (%s) SELECT %s FROM c, (SELECT * FROM %s WHERE %s LIMIT 1) t`,
			n-1, table, strings.Join(names, ", "), strings.Join(values, ", "), table, which))
		return err
	}
	// Ids of the same form, and times from tomorrow to the end of the year that may be planned.
	const id, step = "'post_00' || printf('%024d', c.i)", "(SELECT CAST(strftime('%%s') AS INTEGER) + 86400 + c.i * %d)"
	when := fmt.Sprintf(step, 360*24*3600/n) + " * 1000000"
	if n > 360*24*3600 {
		return errors.New("more posts than seconds in a year")
	}
	accounts := n/400 + 1
	const account, latest = "'acc_00' || printf('%024d', c.i)", "(SELECT max(id) FROM posts)"
	return errors.Join(
		copies(accounts, "accounts", "status = 'active'", map[string]string{"id": account, "subject": "'copy-' || c.i"}),
		copies(n, "posts", "id = "+latest, map[string]string{"id": id, "account_id": strings.Replace(account, "c.i", fmt.Sprintf("c.i %% %d", accounts), 1),
			"status": "'queued'", "phase": "''", "due_at": when, "wake_at": when + " - 50000000",
			"committed_at": "NULL", "posted_at": "NULL", "platform_ids": "'[]'", "permalink": "''"}),
		copies(n, "post_media", "post_id = "+latest, map[string]string{"post_id": id}),
		copies(n, "journal", "post_id = "+latest, map[string]string{"id": "'jnl_00' || printf('%024d', c.i)", "post_id": id}),
	)
}
