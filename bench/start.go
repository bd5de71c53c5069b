package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// measureStart measures how long the first answer takes, on a new database and on one that is there, and how little the
// program needs while nothing happens.
func measureStart(ctx context.Context, b *bench) (_ []line, err error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	lines := []line{{"size of the binary", "≤ 60 MB", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "", ""}}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &stage{b: b, name: "start", sim: &process{URL: "http://127.0.0.1:1"}}
	var fresh, again spread
	var idle int64
	for range pick(b, 5, 20) {
		for _, times := range []*spread{&fresh, &again} {
			began := time.Now()
			if err := s.startProduct(ctx, "http://localhost:"+port); err != nil {
				return nil, err
			}
			*times = append(*times, time.Since(began))
			if times == &again {
				// What a start needs for a moment is given back within a second or two.
				if err := sleep(ctx, 3*time.Second); err != nil {
					return nil, err
				}
				if idle, _, err = s.product.memory(); err != nil {
					return nil, err
				}
			}
			if err := s.product.stop(); err != nil {
				return nil, err
			}
		}
		if err := os.RemoveAll(s.data()); err != nil {
			return nil, err
		}
	}
	return append(lines,
		line{"start to first answer, new database", "≤ 200 ms", best(fresh), "", ""},
		line{"start to first answer, existing database", "≤ 100 ms", best(again), "", ""},
		line{"idle memory (RSS)", "≤ 48 MiB", mib(idle), "", ""}), nil
}

// best names the middle and the best of several tries: on a busy machine the best says more about the program.
func best(s spread) string {
	return fmt.Sprintf("%s (best of %d: %s)", ms(s.at(0.5)), len(s), ms(s.at(0)))
}
