package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ship-post.com/shippost"
)

// NewSchema is what a first start on SQLite runs instead of the migrations, VersionTable their record.
var NewSchema = newSchema

// VersionTable is the record of the migrations that ran.
const VersionTable = versionTable

// OpenStepwise opens an empty SQLite file and runs one migration after the other.
func OpenStepwise(ctx context.Context, url string) (*DB, error) {
	db := &DB{now: time.Now, log: slog.New(slog.DiscardHandler)}
	steps, err := migrations(SQLite)
	if err = errors.Join(err, db.openSQLite(ctx, url)); err == nil {
		err = db.step(ctx, steps)
	}
	return db, err
}

// MarksQuery returns the statement and parameters behind Tx.PostMarks.
func MarksQuery(ws shippost.WorkspaceID, f PostFilter) (string, []any, error) {
	query, args := f.markQuery(ws)
	values, err := plain(args)
	return query, values, err
}

// PlannedStatements are behind Tx.PlannedPosts and Tx.PlannedDrafts.
var PlannedStatements = map[string]string{"posts": sqlPlannedPosts, "drafts": sqlPlannedDrafts}

// PostsQuery returns the statement and parameters behind Tx.Posts, so that a test can ask for its plan.
func PostsQuery(ws shippost.WorkspaceID, f PostFilter) (string, []any, error) {
	tail, args := f.query(ws)
	values, err := plain(args)
	return "SELECT " + postTable.names + " FROM " + postTable.name + " " + tail, values, err
}

// CrowdStatements are those that look at one account's posts around a time.
var CrowdStatements = map[string]string{"before": sqlPostsBefore, "after": sqlDueAfter, "photos": sqlPhotosDue, "move": sqlMoveWakes}

// BringForwardStatements look for posts that were put off, by the index that each is to use.
var BringForwardStatements = map[string]string{"posts_put_off": sqlBringForward, "posts_unended": sqlBringDue[0], "posts_overdue": sqlBringDue[1]}
