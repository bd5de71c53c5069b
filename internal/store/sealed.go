package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// SealedColumn is a column whose values only the server's keys open.
type SealedColumn struct {
	Table, Column string
	key           string // the column that names the row, for its seal too
	which         string // condition on the rows; "" for all
}

// SealedColumns are all of them but the keys of the journal's chain, which lie together in one value.
var SealedColumns = []SealedColumn{
	{Table: "meta", Column: "value", key: "key", which: "(key IN ('seal_check', 'settings_key') OR key LIKE 'certificate:%')"},
	{Table: "grants", Column: "access_token", key: "account_id"},
	{Table: "grants", Column: "refresh_token", key: "account_id"},
	{Table: "attempts", Column: "upload_url", key: "id"},
	{Table: "oauth_flows", Column: "verifier", key: "state_hash"},
	{Table: "admin_fallbacks", Column: "seed", key: "admin_id"},
	{Table: "admin_fallbacks", Column: "pending", key: "admin_id"},
	{Table: "addresses", Column: "leave_token", key: "user_id"},
	{Table: "letters", Column: "content", key: "id"},
}

// SealedValue is a value of such a column.
type SealedValue struct{ ID, Value string }

// SealedValues returns the values of a column whose ids come after one, in the order of their ids. Empty ones hold nothing and are left out.
func (t *Tx) SealedValues(ctx context.Context, c SealedColumn, after string, limit int) (list []SealedValue, err error) {
	query := "SELECT " + c.key + ", " + c.Column + " FROM " + c.Table + " WHERE " + c.Column + " <> '' AND " + c.key + " > $1"
	if c.which != "" {
		query += " AND " + c.which
	}
	err = t.each(ctx, 2, query+" ORDER BY "+c.key+" LIMIT $2", []any{after, limit}, func(v []any) error {
		id, _ := v[0].(string)
		value, _ := v[1].(string)
		list = append(list, SealedValue{id, value})
		return nil
	})
	return list, err
}

// SwapSealed writes a value sealed anew, if the row still has the old text. It reports whether it had.
func (t *Tx) SwapSealed(ctx context.Context, c SealedColumn, old SealedValue, fresh string) (bool, error) {
	return t.swap(ctx, "UPDATE "+c.Table+" SET "+c.Column+" = $3 WHERE "+c.key+" = $1 AND "+c.Column+" = $2", old.ID, old.Value, fresh)
}

// SealsInHand returns how many sealed texts a process that runs may still have in memory and write back as they were: those of attempts under
// way whose bytes are not handed over and that began before a moment, and those of tokens whose renewal began, or was made recent, after one:
// the intent of a renewal whose answer was lost may stay for ever.
func (t *Tx) SealsInHand(ctx context.Context, before, renewed time.Time) (n int64, err error) {
	err = t.value(ctx, []any{&n}, `SELECT (SELECT count(*) FROM attempts WHERE upload_url <> '' AND handed_at IS NULL AND ended_at IS NULL AND opened_at < $1)
		+ (SELECT count(*) FROM grants WHERE intent_hash <> '' AND intent_at > $2)`, moment(before), moment(renewed))
	return n, err
}

// SetNodeKey notes which key a process seals with.
func (t *Tx) SetNodeKey(ctx context.Context, id shippost.NodeID, key uint32) error {
	_, err := t.exec(ctx, "UPDATE nodes SET key_id = $2 WHERE id = $1 AND key_id <> $2", id, int64(key))
	return err
}
