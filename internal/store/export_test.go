package store

import "ship-post.com/shippost"

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
