package main

import (
	"fmt"
	"slices"
	"time"
)

// spread is how durations are spread.
type spread []time.Duration

// at returns the duration that the share p of all does not exceed.
func (s spread) at(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[min(int(p*float64(len(s))), len(s)-1)]
}

// String names the middle, the slow ones and the slowest.
func (s spread) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, max %s", ms(s.at(0.5)), ms(s.at(0.99)), ms(s.at(1)))
}

// early returns how many are below zero.
func (s spread) early() int {
	n := 0
	for _, d := range s {
		if d < 0 {
			n++
		}
	}
	return n
}

func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// times says how often the second goes into the first.
func times[N int64 | float64 | time.Duration](a, b N) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ×", float64(a)/float64(b))
}
