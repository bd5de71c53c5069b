package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// group lets updates that wait at the same time share a transaction, and so its sync of the disk: on SQLite all, for there
// is one writer, on PostgreSQL those that ask for it. Each runs inside a savepoint of its own, on the goroutine of its caller, one after the other: what fails is undone
// alone. All learn their result after the commit.
//
// One of the callers leads: it begins the transaction, gives each member its turn, commits, and hands the lead on. When
// the whole transaction is lost, because SQLite gave it up or the commit failed, each member is run again by itself.
type group struct {
	mu      sync.Mutex
	waiting []*member
	led     bool // somebody leads
}

// groupSize bounds a transaction, so that its first member waits for tens of milliseconds at most.
const groupSize = 256

// member is an update that waits.
type member struct {
	ctx   context.Context
	fn    func(*Tx) error
	tx    *Tx
	err   error
	alone bool      // it shared a transaction that was lost
	soon  bool      // it does not wait for those who can
	ended bool      // err is what its caller is told
	turn  chan turn // to its caller; never holds more than one
	ran   chan struct{}
}

// turn is what the caller of a member is to do next.
type turn int

const (
	turnToRun turn = iota // run fn
	turnToLead
	turnEnded
)

// errAborted is the result of an fn that did not return, because of a panic or the end of its goroutine.
var errAborted = errors.New("the update was aborted")

// Waiting returns how many updates wait to share the next transaction.
func (d *DB) Waiting() int {
	d.group.mu.Lock()
	defer d.group.mu.Unlock()
	return len(d.group.waiting)
}

// join runs an update in a transaction that it may share.
func (d *DB) join(ctx context.Context, soon bool, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{ctx: ctx, fn: fn, soon: soon, turn: make(chan turn, 1), ran: make(chan struct{}, 1)}
	d.group.add(m)
	for done := ctx.Done(); ; {
		select {
		case <-done:
			if d.group.leave(m) {
				return ctx.Err()
			}
			done = nil // its turn has come
		case t := <-m.turn:
			switch t {
			case turnToRun:
				m.run()
				continue
			case turnToLead:
				d.lead(ctx, m)
			case turnEnded:
			}
			if !m.ended {
				continue
			}
			if m.err == nil {
				m.tx.committed()
			}
			return m.err
		}
	}
}

// run calls fn. A panic goes on in the caller's goroutine, after the leader was told.
func (m *member) run() {
	m.err = errAborted
	defer func() { m.ran <- struct{}{} }()
	if m.err = m.fn(m.tx); m.err == nil {
		m.err = m.ctx.Err()
	}
}

// lead runs and commits those who wait, the leader first.
func (d *DB) lead(ctx context.Context, leader *member) {
	ctx = context.WithoutCancel(ctx) // the transaction belongs to all its members
	tx, err := d.write.BeginTx(ctx, nil)
	members := d.group.take()
	// Also when fn of the leader panics: those who were not told anything wait on.
	defer func() { d.group.handOn(members, leader) }()
	if err != nil {
		leader.err, leader.ended = fmt.Errorf("begin a transaction: %w", err), true
		return
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	if err := d.boundPause(ctx, tx); err != nil {
		leader.err, leader.ended = err, true
		return
	}
	shared := len(members) > 1
	for _, m := range members {
		m.tx = &Tx{tx: tx, db: d, shared: true}
		if err := m.take(ctx, shared, m == leader); err != nil {
			for _, m := range members {
				m.alone = true
			}
			return
		}
	}
	if !shared && leader.ended {
		return
	}
	if err := commit(tx); err != nil {
		for _, m := range members {
			m.alone = true
		}
		if !shared {
			leader.err, leader.ended = fmt.Errorf("commit: %w", err), true
		}
		return
	}
	for _, m := range members {
		m.ended = true
	}
}

// take gives the member its turn. What it did is undone if it failed. An error says that the whole transaction is lost.
func (m *member) take(ctx context.Context, shared, leads bool) error {
	if !shared {
		m.run()
		<-m.ran
		m.ended = m.err != nil
		return nil
	}
	tx := m.tx.tx
	if _, err := tx.ExecContext(ctx, "SAVEPOINT member"); err != nil {
		return err
	}
	if leads {
		m.run()
	} else {
		m.turn <- turnToRun
	}
	<-m.ran
	if m.err != nil {
		m.ended = true
		if err := undo(ctx, tx); err != nil {
			return err
		}
	}
	// SQLite gives the whole transaction up after some errors, when the disk is full for example. The savepoint is gone then.
	_, err := tx.ExecContext(ctx, "RELEASE member")
	return err
}

func undo(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "ROLLBACK TO member")
	return err
}

// add adds a member, who leads if nobody does. One that is in a hurry comes after the first, who may have been told to lead
// already, and after others in a hurry.
func (g *group) add(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	place := len(g.waiting)
	if m.soon && place > 0 {
		place = 1
		for place < len(g.waiting) && g.waiting[place].soon {
			place++
		}
	}
	g.waiting = slices.Insert(g.waiting, place, m)
	if !g.led {
		g.led = true
		m.turn <- turnToLead
	}
}

// leave takes a member out that waits for its turn, and reports whether it did.
func (g *group) leave(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, m)
	if i < 0 || len(m.turn) > 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// take returns who shares the next transaction. The leader is always the first of those who wait.
func (g *group) take() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 1
	for n < min(len(g.waiting), groupSize) && !g.waiting[0].alone && !g.waiting[n].alone {
		n++
	}
	members := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return members
}

// handOn tells the members what became of them; those without a result wait again, before all others. The first who
// waits leads next.
func (g *group) handOn(members []*member, leader *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var again []*member
	for _, m := range members {
		switch {
		case !m.ended && !(m == leader && m.err == errAborted):
			again = append(again, m)
		case m != leader:
			m.turn <- turnEnded
		}
	}
	g.waiting = append(again, g.waiting...)
	if g.led = len(g.waiting) > 0; g.led {
		g.waiting[0].turn <- turnToLead
	}
}
