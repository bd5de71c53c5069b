package tiktok

import "time"

// Lead implements platform.Pacer: how long size bytes take, if the line is shared as it was lately.
func (c *Client) Lead(size int64) time.Duration {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	return time.Duration(float64(size) / c.line.rate * float64(time.Second))
}
