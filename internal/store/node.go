package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Node is one running process.
type Node struct {
	ID        shippost.NodeID
	StartedAt time.Time
	BeatAt    time.Time // when it last said that it runs
	Key       int64     // which key it seals with; 0 when it has not said so
}

var nodes = newTable("nodes",
	column[Node]{"id", func(n *Node) any { return &n.ID }},
	column[Node]{"started_at", func(n *Node) any { return at(&n.StartedAt) }},
	column[Node]{"beat_at", func(n *Node) any { return at(&n.BeatAt) }},
	column[Node]{"key_id", func(n *Node) any { return &n.Key }},
)

// InsertNode registers a process that starts; its first beat is its start. For one that is registered already it is a beat.
func (t *Tx) InsertNode(ctx context.Context, id shippost.NodeID) error {
	_, err := t.exec(ctx, "INSERT INTO nodes (id, started_at, beat_at) VALUES ($1, $2, $2) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at", id, moment(t.Now()))
	return err
}

// BeatNode notes that the process runs. It reports false when somebody removed the node: then it was taken for dead
// and must not go on as if nothing happened.
func (t *Tx) BeatNode(ctx context.Context, id shippost.NodeID) (alive bool, err error) {
	return t.swap(ctx, "UPDATE nodes SET beat_at = $2 WHERE id = $1", id, moment(t.Now()))
}

// Nodes returns all registered processes, oldest first.
func (t *Tx) Nodes(ctx context.Context) ([]Node, error) {
	return nodes.list(ctx, t, "ORDER BY started_at, id")
}

// DeleteOldNodes removes processes that have not said for so long that they run. One that does after all makes itself known again.
func (t *Tx) DeleteOldNodes(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, "DELETE FROM nodes WHERE beat_at < $1", moment(before))
	return err
}

// DeleteNode removes a process that ended.
func (t *Tx) DeleteNode(ctx context.Context, id shippost.NodeID) (changed bool, err error) {
	return t.swap(ctx, "DELETE FROM nodes WHERE id = $1", id)
}
