// Package rotate changes the key that this server seals with: it adds a new one, seals everything anew, and retires the old ones when
// nothing is sealed with them any more.
package rotate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// TellEvery is how often a process looks at the keyset and says which key it seals with.
const TellEvery = 5 * time.Second

const (
	atOnce = 100             // values that are sealed anew in a transaction, so that no post waits for it
	gone   = time.Hour       // after this long without a sign of life a process is not waited for
	quiet  = 2 * time.Minute // at the latest after this long what a process has sealed is in the database, where it can be seen
	renews = 5 * time.Minute // after this long without having been made recent a renewal of tokens is under way no more
)

// noteMeta is the row that says which key was noted in the journal last, by its id, and since when every process seals with it and nothing
// turned up that an old key sealed (0: not yet).
const noteMeta = "keys_rotated"

// Options is what a Rotator needs. All fields but Patience are required.
type Options struct {
	DB       *store.DB
	Sealer   *seal.Sealer
	Chain    *journal.Chain
	Shared   bool          // all processes read the keyset from the same place
	Patience time.Duration // how long Finish waits for other processes
	Log      *slog.Logger
}

// Rotator changes the keys.
type Rotator struct{ Options }

// New returns a Rotator.
func New(o Options) *Rotator { return &Rotator{o} }

// Result says how far a rotation came.
type Result struct {
	Resealed   int      // values that were sealed anew
	Unreadable []string // where values lie that no key opens
	Waits      string   // why the old keys are still there, as a sentence; "" when they are gone
}

// Begin adds a new key, which seals from then on, and notes it. When a rotation did not come to its end that one is gone on with, unless it
// has to be anew because somebody may have the key of that one too; then the audit log gets a new key as well.
func (r *Rotator) Begin(ctx context.Context, anew bool) error {
	if err := r.others(ctx); err != nil {
		return err
	}
	if err := r.Sealer.Reload(ctx); err != nil {
		return err
	}
	if anew || !r.Sealer.HasOld() {
		if err := r.Sealer.Rotate(ctx); err != nil {
			return fmt.Errorf("rotate the keys: %w", err)
		}
		chaos.Point("rotate.added")
	}
	err := r.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := r.Chain.Reseal(ctx, tx, anew); err != nil {
			return err
		}
		n, err := r.note(ctx, tx)
		if err != nil || n.key == r.Sealer.InUse() {
			return err
		}
		if err := tx.SetMeta(ctx, noteMeta, note{key: r.Sealer.InUse()}.String()); err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Kind: shippost.EntryKeysRotated, Actor: shippost.Actor{Kind: shippost.ActorSystem}})
	})
	if err != nil {
		return fmt.Errorf("note that the keys were rotated: %w", err)
	}
	chaos.Point("rotate.noted")
	return nil
}

// Finish seals anew what old keys sealed, and retires them. Called again, after a crash or just so, it goes on with what is left. That a
// process still seals with an old key is no error: the result says so, and the old keys stay.
func (r *Rotator) Finish(ctx context.Context) (result Result, err error) {
	for began := time.Now(); ; {
		again, err := r.attempt(ctx, &result)
		if err != nil || result.Waits == "" || !again || time.Since(began) >= r.Patience {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(min(TellEvery/5, r.Patience)):
		}
	}
}

// attempt goes as far as it gets now, and reports whether waiting a moment may help.
func (r *Rotator) attempt(ctx context.Context, result *Result) (again bool, err error) {
	result.Unreadable, result.Waits = nil, ""
	key := r.Sealer.InUse()
	behind, err := r.settle(ctx, key)
	if err != nil {
		return false, err
	}
	lost := map[value]bool{}
	for _, c := range store.SealedColumns {
		if err := r.reseal(ctx, c, result, lost); err != nil {
			return false, fmt.Errorf("seal %s.%s anew: %w", c.Table, c.Column, err)
		}
	}
	if err := r.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := r.Chain.Reseal(ctx, tx, false)
		return err
	}); err != nil {
		return false, err
	}
	if behind != "" {
		result.Waits = behind
		return true, nil
	}
	if result.Waits, again, err = r.inHand(ctx); err != nil || result.Waits != "" {
		return again, err
	}
	left, err := r.left(ctx, lost)
	if err != nil {
		return false, err
	}
	if left > 0 {
		result.Waits = fmt.Sprintf("%d values are still sealed with an old key.", left)
		return true, nil
	}
	if !r.Sealer.HasOld() {
		return false, nil
	}
	chaos.Point("rotate.counted")
	if err := r.Sealer.Retire(ctx, key); err != nil {
		return false, fmt.Errorf("retire the old keys: %w", err)
	}
	return false, nil
}

// value is a sealed value in its place.
type value struct {
	place string // the column
	store.SealedValue
}

func valueIn(c store.SealedColumn, v store.SealedValue) value {
	return value{c.Table + "." + c.Column, v}
}

// reseal seals the values of a column anew, some in a transaction, and adds to lost what no key opens.
func (r *Rotator) reseal(ctx context.Context, c store.SealedColumn, result *Result, lost map[value]bool) error {
	for after, more := "", true; more; {
		var changed int
		var unreadable []value
		var last string
		err := r.DB.Update(ctx, func(tx *store.Tx) error {
			changed, unreadable, last = 0, nil, after // it may be run again
			list, err := tx.SealedValues(ctx, c, after, atOnce)
			if err != nil {
				return err
			}
			for _, v := range list {
				last = v.ID
				fresh, did, err := r.Sealer.Reseal(v.Value, seal.Row{Table: c.Table, Column: c.Column, ID: v.ID})
				switch {
				case shippost.IsCode(err, "sealed_value_unreadable"):
					unreadable = append(unreadable, valueIn(c, v))
				case err != nil:
					return err
				case did:
					// A value that somebody else has just written is looked at again by the count at the end.
					swapped, err := tx.SwapSealed(ctx, c, v, fresh)
					if err != nil {
						return err
					}
					if swapped {
						changed++
					}
				}
			}
			more = len(list) == atOnce
			if changed == 0 {
				return nil
			}
			return r.unsettle(ctx, tx)
		})
		if err != nil {
			return err
		}
		chaos.Point("rotate.resealed")
		result.Resealed += changed
		for _, v := range unreadable {
			result.Unreadable = append(result.Unreadable, v.place+" of "+v.ID)
			lost[v] = true
		}
		after = last
	}
	return nil
}

// left counts what an old key sealed, without what it does not open either.
func (r *Rotator) left(ctx context.Context, lost map[value]bool) (n int, err error) {
	for _, c := range store.SealedColumns {
		for after, more := "", true; more; {
			var list []store.SealedValue
			err := r.DB.View(ctx, func(tx *store.Tx) (err error) {
				list, err = tx.SealedValues(ctx, c, after, atOnce)
				return err
			})
			if err != nil {
				return 0, err
			}
			for _, v := range list {
				after = v.ID
				if r.Sealer.IsOld(v.Value) && !lost[valueIn(c, v)] {
					n++
				}
			}
			more = len(list) == atOnce
		}
	}
	old := 0
	err = r.DB.View(ctx, func(tx *store.Tx) (err error) {
		old, err = r.Chain.SealedByOldKey(ctx, tx)
		return err
	})
	return n + old, err
}

// alive returns the processes that may run. With SQLite there is none but this one, which holds the data folder.
func (r *Rotator) alive(ctx context.Context, tx *store.Tx) (alive []store.Node, err error) {
	if tx.Engine() == store.SQLite {
		return nil, nil
	}
	nodes, err := tx.Nodes(ctx)
	for _, n := range nodes {
		if tx.Now().Sub(n.BeatAt) < gone {
			alive = append(alive, n)
		}
	}
	return alive, err
}

// others refuses to change a keyset that processes which may run would never learn.
func (r *Rotator) others(ctx context.Context) error {
	if r.Shared {
		return nil
	}
	return r.DB.View(ctx, func(tx *store.Tx) error {
		alive, err := r.alive(ctx, tx)
		if err != nil || len(alive) == 0 {
			return err
		}
		n := alive[len(alive)-1]
		return shippost.Errorf(shippost.Conflict, "servers_run",
			"A server may be running on this database (%s, which last showed itself at %s), and it would not learn the new key: without SHIPPOST_MASTER_KEY the keys lie in a folder of each server. "+
				"Stop all servers first. One that was killed counts as running for an hour.", n.ID, n.BeatAt.UTC().Format(time.RFC3339)).With(shippost.RemedyOperator)
	})
}

// settle notes when every process seals with the key, or says which one does not yet.
func (r *Rotator) settle(ctx context.Context, key uint32) (behind string, err error) {
	err = r.DB.Update(ctx, func(tx *store.Tx) error {
		behind = ""
		n, err := r.note(ctx, tx)
		if err != nil {
			return err
		}
		alive, err := r.alive(ctx, tx)
		if err != nil {
			return err
		}
		for _, node := range alive {
			if node.Key != int64(key) {
				behind = fmt.Sprintf("The server %s has not taken the new key yet; it last showed itself at %s. One that was killed counts as running for an hour.", node.ID, node.BeatAt.UTC().Format(time.RFC3339))
				if n.settled.IsZero() {
					return nil
				}
				// It has come back after it was given up; what it seals until it takes the key may turn up later.
				n.settled = time.Time{}
				return tx.SetMeta(ctx, noteMeta, n.String())
			}
		}
		if n.key == key && !n.settled.IsZero() {
			return nil
		}
		return tx.SetMeta(ctx, noteMeta, note{key, tx.Now()}.String())
	})
	return behind, err
}

// unsettle notes that something turned up which an old key sealed, so there may be more of it under way.
func (r *Rotator) unsettle(ctx context.Context, tx *store.Tx) error {
	n, err := r.note(ctx, tx)
	if err != nil || n.settled.IsZero() {
		return err
	}
	n.settled = tx.Now()
	return tx.SetMeta(ctx, noteMeta, n.String())
}

// inHand says what a process may still have in memory as an old key sealed it, and write down so; "" for nothing. It reports whether waiting a
// moment may help. Between sealing something and committing it nothing shows it, so it takes a while without any of it to be sure.
func (r *Rotator) inHand(ctx context.Context) (why string, again bool, err error) {
	err = r.DB.View(ctx, func(tx *store.Tx) error {
		alive, err := r.alive(ctx, tx)
		if err != nil || len(alive) == 0 {
			return err
		}
		note, err := r.note(ctx, tx)
		if err != nil {
			return err
		}
		n, err := tx.SealsInHand(ctx, note.settled, tx.Now().Add(-renews))
		if err != nil {
			return err
		}
		if n > 0 {
			why, again = fmt.Sprintf("%d posts or renewals of tokens that are under way began with an old key. Posts are over within some minutes of their time.", n), true
		} else if until := note.settled.Add(quiet); tx.Now().Before(until) {
			why = fmt.Sprintf("Servers run, and what they sealed with an old key just before they took the new one may still turn up, until %s.", until.UTC().Format(time.RFC3339))
		}
		return nil
	})
	return why, again, err
}

// note is what stands in the row of noteMeta.
type note struct {
	key     uint32
	settled time.Time
}

func (n note) String() string {
	if n.settled.IsZero() {
		return fmt.Sprint(n.key, 0)
	}
	return fmt.Sprint(n.key, n.settled.UnixMicro())
}

func (r *Rotator) note(ctx context.Context, tx *store.Tx) (n note, err error) {
	text, err := tx.Meta(ctx, noteMeta)
	if err != nil || text == "" {
		return n, err
	}
	var settled int64
	if _, err := fmt.Sscan(text, &n.key, &settled); err != nil {
		return n, fmt.Errorf("read the note of the last rotation: %w", err)
	}
	if settled > 0 {
		n.settled = time.UnixMicro(settled)
	}
	return n, nil
}

// Run has this process take keys that others add, and say which it seals with, until ctx ends.
func (r *Rotator) Run(ctx context.Context, node shippost.NodeID) {
	for warned := false; ctx.Err() == nil; {
		err := r.Tell(ctx, node)
		if err != nil && ctx.Err() == nil && !warned {
			r.Log.Error("cannot look at the keyset; trying again", "err", err)
		}
		warned = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(TellEvery):
		}
	}
}

// Join makes a process that starts known to those that change the keys, and then has it take the keyset as it is by now and say so. Until it
// has, no key is retired. It must come before the process seals anything; what goes before it may have read the keyset.
func (r *Rotator) Join(ctx context.Context, node shippost.NodeID) error {
	if err := r.DB.Update(ctx, func(tx *store.Tx) error { return tx.InsertNode(ctx, node) }); err != nil {
		return fmt.Errorf("make this process known: %w", err)
	}
	return r.Tell(ctx, node)
}

// Leave takes back what Join did, for a process that does not come to run after all.
func (r *Rotator) Leave(ctx context.Context, node shippost.NodeID) error {
	return r.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.DeleteNode(ctx, node)
		return err
	})
}

// Tell looks at the keyset and says which key this process seals with.
func (r *Rotator) Tell(ctx context.Context, node shippost.NodeID) error {
	if err := r.Sealer.Reload(ctx); err != nil {
		return err
	}
	key := r.Sealer.InUse()
	told := false
	err := r.DB.View(ctx, func(tx *store.Tx) error {
		nodes, err := tx.Nodes(ctx)
		for _, n := range nodes {
			told = told || n.ID == node && n.Key == int64(key)
		}
		return err
	})
	if err != nil || told {
		return err
	}
	return r.DB.Update(ctx, func(tx *store.Tx) error { return tx.SetNodeKey(ctx, node, key) })
}
