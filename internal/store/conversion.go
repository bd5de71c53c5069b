package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"ship-post.com/shippost"
)

var conversionTable = newTable("conversions",
	column[shippost.Conversion]{"id", func(c *shippost.Conversion) any { return &c.ID }},
	column[shippost.Conversion]{"workspace_id", func(c *shippost.Conversion) any { return &c.Workspace }},
	column[shippost.Conversion]{"original_id", func(c *shippost.Conversion) any { return &c.Original }},
	column[shippost.Conversion]{"result_id", func(c *shippost.Conversion) any { return &c.Result }},
	column[shippost.Conversion]{"started_by", func(c *shippost.Conversion) any { return &c.StartedBy }},
	column[shippost.Conversion]{"status", func(c *shippost.Conversion) any { return &c.Status }},
	column[shippost.Conversion]{"recipe", func(c *shippost.Conversion) any { return doc(&c.Recipe) }},
	column[shippost.Conversion]{"percent", func(c *shippost.Conversion) any { return &c.Percent }},
	column[shippost.Conversion]{"failure", func(c *shippost.Conversion) any { return doc(&c.Failure) }},
	column[shippost.Conversion]{"created_at", func(c *shippost.Conversion) any { return at(&c.CreatedAt) }},
	column[shippost.Conversion]{"updated_at", func(c *shippost.Conversion) any { return at(&c.UpdatedAt) }},
)

// InsertConversion adds a conversion.
func (t *Tx) InsertConversion(ctx context.Context, c *shippost.Conversion) error {
	return conversionTable.insert(ctx, t, c)
}

// Conversion returns a conversion of the workspace.
func (t *Tx) Conversion(ctx context.Context, ws shippost.WorkspaceID, id shippost.ConversionID) (shippost.Conversion, error) {
	return conversionTable.get(ctx, t, missing("conversion"), "WHERE workspace_id = $1 AND id = $2", ws, id)
}

// ConversionsOf lists the conversions of a file, newest first.
func (t *Tx) ConversionsOf(ctx context.Context, ws shippost.WorkspaceID, original shippost.MediaID, limit int) ([]shippost.Conversion, error) {
	return conversionTable.list(ctx, t, "WHERE workspace_id = $1 AND original_id = $2 ORDER BY id DESC LIMIT $3", ws, original, limit)
}

// RunningConversions lists the conversions of a workspace that have not ended, oldest first.
func (t *Tx) RunningConversions(ctx context.Context, ws shippost.WorkspaceID, limit int) ([]shippost.Conversion, error) {
	return conversionTable.list(ctx, t, "WHERE workspace_id = $1 AND status IN ('queued', 'running') ORDER BY id LIMIT $2", ws, limit)
}

// SaveConversion writes status, result, percent and failure, if status and result are still those of was: a run that another one took
// over from writes nothing any more. It reports whether they were.
func (t *Tx) SaveConversion(ctx context.Context, c, was shippost.Conversion) (bool, error) {
	return t.swap(ctx, `UPDATE conversions SET status = $1, result_id = $2, percent = $3, failure = $4, updated_at = $5
		WHERE id = $6 AND workspace_id = $7 AND status = $8 AND result_id = $9`,
		c.Status, c.Result, c.Percent, doc(&c.Failure), at(&c.UpdatedAt), c.ID, c.Workspace, was.Status, was.Result)
}

// ConversionMakes reports whether a conversion that has not ended is going to make a file of this name, for sweeps of stored bytes.
func (t *Tx) ConversionMakes(ctx context.Context, result shippost.MediaID) (bool, error) {
	var id shippost.ConversionID
	err := t.value(ctx, []any{&id}, "SELECT id FROM conversions WHERE result_id = $1 AND status IN ('queued', 'running')", result)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// RestingConversions lists conversions of all workspaces that have not ended and did not move since a moment.
func (t *Tx) RestingConversions(ctx context.Context, before time.Time, limit int) ([]shippost.Conversion, error) {
	return conversionTable.list(ctx, t, "WHERE status IN ('queued', 'running') AND updated_at < $1 ORDER BY updated_at LIMIT $2", moment(before), limit)
}
