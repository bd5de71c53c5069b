package platformtest

import (
	"context"
	"strings"
	"sync"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// Ledger remembers the steps of one attempt. The zero value lets everything happen.
type Ledger struct {
	IntendError error // what Intend answers
	OpenedError error // what Opened answers
	Receipt     shippost.Receipt

	mu    sync.Mutex
	steps []string
}

var _ platform.Ledger = (*Ledger)(nil)

// Intend implements platform.Ledger.
func (l *Ledger) Intend(context.Context) error {
	l.note("intend")
	return l.IntendError
}

// Opened implements platform.Ledger.
func (l *Ledger) Opened(_ context.Context, r shippost.Receipt) error {
	l.note("opened")
	l.Receipt = r
	return l.OpenedError
}

// Progress implements platform.Ledger.
func (*Ledger) Progress(int64) {}

// Told returns the steps in order, "intend opened".
func (l *Ledger) Told() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.steps, " ")
}

func (l *Ledger) note(step string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, step)
}
