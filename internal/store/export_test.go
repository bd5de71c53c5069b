package store

import "ship-post.com/shippost"

// PostsQuery returns the statement and parameters behind Tx.Posts, so that a test can ask for its plan.
func PostsQuery(ws shippost.WorkspaceID, f PostFilter) (string, []any, error) {
	tail, args := f.query(ws)
	values, err := plain(args)
	return "SELECT " + postTable.names + " FROM " + postTable.name + " " + tail, values, err
}
