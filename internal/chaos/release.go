//go:build !chaos

package chaos

import "time"

// Enabled reports whether this build has fault points.
const Enabled = false

// Point marks a place where the process may be killed, paused or delayed. Each name is listed in points.go and used
// in one place.
func Point(name string) {}

// Err marks a place where an operation may be made to fail. It returns nil, or ErrInjected when ordered to. Each name
// is listed in points.go and used in one place.
func Err(name string) error { return nil }

// ChunkSize returns in chunks of what size large uploads travel; 0, which a release always says, leaves it to the
// platform's client.
func ChunkSize() int64 { return 0 }

// Now returns the product's time. Only a build with fault points can make it differ from time.Now.
func Now() time.Time { return time.Now() }
