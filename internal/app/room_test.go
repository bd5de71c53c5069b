package app

import "testing"

func TestHeldRequestsFitTheMachine(t *testing.T) {
	for _, c := range []struct {
		descriptors, memory uint64
		want                int
	}{
		{1024, 1 << 30, 512},            // few descriptors: half of them
		{20_000, 1 << 30, 2048},         // a small server: a quarter of its memory
		{20_000, 16 << 30, 10_000},      // a container with a limit of descriptors
		{1 << 20, 64 << 30, 20_000},     // no more than that, whatever there is
		{128, 64 << 20, 100},            // and a few always
		{^uint64(0), ^uint64(0), 20000}, // "unlimited"
	} {
		if got := heldRequests(c.descriptors, c.memory); got != c.want {
			t.Errorf("%d descriptors and %d MiB allow %d, want %d", c.descriptors, c.memory>>20, got, c.want)
		}
	}
	if descriptors, memory := room(); descriptors == 0 || memory < 64<<20 {
		t.Errorf("this machine has room for %d descriptors and %d bytes", descriptors, memory)
	}
}
