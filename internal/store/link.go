package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

// Link seals one entry of the journal to the one before. Package journal says what stands in it.
type Link struct {
	Position int64
	Entry    shippost.EntryID
	SealedAt time.Time
	Key      int64
	Salts    string
	Gone     string
	Hash     string
}

var links = newTable("journal_links",
	column[Link]{"position", func(l *Link) any { return &l.Position }},
	column[Link]{"entry_id", func(l *Link) any { return &l.Entry }},
	column[Link]{"sealed_at", func(l *Link) any { return at(&l.SealedAt) }},
	column[Link]{"key_no", func(l *Link) any { return &l.Key }},
	column[Link]{"salts", func(l *Link) any { return &l.Salts }},
	column[Link]{"gone", func(l *Link) any { return &l.Gone }},
	column[Link]{"hash", func(l *Link) any { return &l.Hash }},
)

// Line is an entry of the journal as it stands in the database, letter for letter: what is sealed is what is stored.
type Line struct {
	Seq       int64
	ID        shippost.EntryID
	Workspace string
	At        int64 // microseconds
	Kind      string
	ActorKind string
	ActorUser string
	ActorKey  string
	Request   string
	Network   string
	Account   string
	Post      string
	Attempt   string
	Media     string
	Data      string
	Personal  string
}

var lines = newTable("journal",
	column[Line]{"seq", func(l *Line) any { return &l.Seq }},
	column[Line]{"id", func(l *Line) any { return &l.ID }},
	column[Line]{"workspace_id", func(l *Line) any { return &l.Workspace }},
	column[Line]{"at", func(l *Line) any { return &l.At }},
	column[Line]{"kind", func(l *Line) any { return &l.Kind }},
	column[Line]{"actor_kind", func(l *Line) any { return &l.ActorKind }},
	column[Line]{"actor_user", func(l *Line) any { return &l.ActorUser }},
	column[Line]{"actor_key", func(l *Line) any { return &l.ActorKey }},
	column[Line]{"request_id", func(l *Line) any { return &l.Request }},
	column[Line]{"network", func(l *Line) any { return &l.Network }},
	column[Line]{"account_id", func(l *Line) any { return &l.Account }},
	column[Line]{"post_id", func(l *Line) any { return &l.Post }},
	column[Line]{"attempt_id", func(l *Line) any { return &l.Attempt }},
	column[Line]{"media_id", func(l *Line) any { return &l.Media }},
	column[Line]{"data", func(l *Line) any { return &l.Data }},
	column[Line]{"personal", func(l *Line) any { return &l.Personal }},
)

// chainMeta holds how far the journal is known to be sealed. Its row is the lock of the chain, too.
const chainMeta = "chain"

// LockChain lets nobody else seal, blank or remove entries until the transaction ends. Who only records never waits for it.
func (t *Tx) LockChain(ctx context.Context) error {
	_, err := t.exec(ctx, "INSERT INTO meta (key, value) VALUES ($1, '0 0 0') ON CONFLICT (key) DO UPDATE SET value = meta.value", chainMeta)
	return err
}

// ChainMark says how far the journal is known to be sealed.
type ChainMark struct {
	Low  int64     // every entry up to this Seq is sealed, and none can become visible there any more
	High int64     // all that was visible at Since was sealed up to this Seq
	Set  time.Time // when High was set
}

// ChainMark returns the mark; zero before anything was sealed.
func (t *Tx) ChainMark(ctx context.Context) (m ChainMark, err error) {
	text, err := t.Meta(ctx, chainMeta)
	if err != nil || text == "" {
		return m, err
	}
	var micros int64
	if _, err := fmt.Sscan(text, &m.Low, &m.High, &micros); err != nil {
		return m, fmt.Errorf("the chain's mark %q: %w", text, err)
	}
	if micros > 0 {
		m.Set = time.UnixMicro(micros).UTC()
	}
	return m, nil
}

// SetChainMark writes the mark.
func (t *Tx) SetChainMark(ctx context.Context, m ChainMark) error {
	return t.SetMeta(ctx, chainMeta, fmt.Sprint(m.Low, " ", m.High, " ", m.Set.UnixMicro()))
}

// LastLink returns the newest link; the zero Link without any.
func (t *Tx) LastLink(ctx context.Context) (Link, error) {
	return firstLink(links.list(ctx, t, "ORDER BY position DESC LIMIT 1"))
}

// LinkAt returns the link at a position; the zero Link without one.
func (t *Tx) LinkAt(ctx context.Context, position int64) (Link, error) {
	return firstLink(links.list(ctx, t, "WHERE position = $1", position))
}

func firstLink(list []Link, err error) (Link, error) {
	if err != nil || len(list) == 0 {
		return Link{}, err
	}
	return list[0], nil
}

// InsertLink adds a link. No two can have one position.
func (t *Tx) InsertLink(ctx context.Context, l *Link) error { return links.insert(ctx, t, l) }

// SetLink replaces what a link says of the parts of its entry that were erased, or of its whole.
func (t *Tx) SetLink(ctx context.Context, l Link) error {
	_, err := t.exec(ctx, "UPDATE journal_links SET salts = $2, gone = $3 WHERE position = $1", l.Position, l.Salts, l.Gone)
	return err
}

// Links returns links after a position, in order.
func (t *Tx) Links(ctx context.Context, after int64, limit int) ([]Link, error) {
	return links.list(ctx, t, "WHERE position > $1 ORDER BY position LIMIT $2", after, limit)
}

// LinkedLines returns the entries, by id, of the links after one position up to another.
func (t *Tx) LinkedLines(ctx context.Context, after, last int64) (map[shippost.EntryID]Line, error) {
	list, err := lines.list(ctx, t, "WHERE id IN (SELECT entry_id FROM journal_links WHERE position > $1 AND position <= $2)", after, last)
	byID := make(map[shippost.EntryID]Line, len(list))
	for _, l := range list {
		byID[l.ID] = l
	}
	return byID, err
}

// LinksOf returns the links of entries, by the entry's id. Those that are not sealed yet have none.
func (t *Tx) LinksOf(ctx context.Context, of []Line) (map[shippost.EntryID]Link, error) {
	byID := make(map[shippost.EntryID]Link, len(of))
	if len(of) == 0 {
		return byID, nil
	}
	c := idsOf(of, "entry_id")
	list, err := links.list(ctx, t, "WHERE "+c.parts[0], c.args...)
	for _, l := range list {
		byID[l.Entry] = l
	}
	return byID, err
}

func idsOf(of []Line, column string) (c conditions) {
	ids := make([]shippost.EntryID, len(of))
	for i, l := range of {
		ids[i] = l.ID
	}
	isOneOf(&c, column, ids)
	return c
}

const unsealed = "NOT EXISTS (SELECT 1 FROM journal_links l WHERE l.entry_id = journal.id)"

// UnsealedLines returns entries without a link that have a higher Seq, in its order.
func (t *Tx) UnsealedLines(ctx context.Context, after int64, limit int) ([]Line, error) {
	return lines.list(ctx, t, "WHERE seq > $1 AND "+unsealed+" ORDER BY seq LIMIT $2", after, limit)
}

// UnsealedUpTo returns the first entry without a link up to a Seq, and how many there are.
func (t *Tx) UnsealedUpTo(ctx context.Context, last int64) (first Line, n int64, err error) {
	if err := t.value(ctx, []any{&n}, "SELECT count(*) FROM journal WHERE seq <= $1 AND "+unsealed, last); err != nil || n == 0 {
		return first, n, err
	}
	list, err := lines.list(ctx, t, "WHERE seq <= $1 AND "+unsealed+" ORDER BY seq LIMIT 1", last)
	if len(list) > 0 {
		first = list[0]
	}
	return first, n, err
}

// LinesBefore returns entries before a moment that belong to no post.
func (t *Tx) LinesBefore(ctx context.Context, before time.Time, limit int) ([]Line, error) {
	return lines.list(ctx, t, "WHERE post_id = '' AND at < $1 ORDER BY seq LIMIT $2", moment(before), limit)
}

// LinesOf returns entries of an owner in which a column has another value than values says. In values, OwnerAlias stands for alias.
func (t *Tx) LinesOf(ctx context.Context, c Claim, owner string, values map[string]string, alias string, limit int) ([]Line, error) {
	where, err := c.where()
	if err != nil || len(values) == 0 {
		return nil, err
	}
	_, differs, args, err := blanking(values, alias, []any{owner, limit})
	if err != nil {
		return nil, err
	}
	return lines.list(ctx, t, "WHERE "+where+" AND ("+strings.Join(differs, " OR ")+") ORDER BY seq LIMIT $2", args...)
}

// BlankLines writes fixed values into columns of entries. In values, OwnerAlias stands for alias.
func (t *Tx) BlankLines(ctx context.Context, of []Line, values map[string]string, alias string) error {
	if len(of) == 0 {
		return nil
	}
	c := idsOf(of, "id")
	sets, _, args, err := blanking(values, alias, c.args)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "UPDATE journal SET "+strings.Join(sets, ", ")+" WHERE "+c.parts[0], args...)
	return err
}

// DeleteLines removes entries.
func (t *Tx) DeleteLines(ctx context.Context, of []Line) error {
	if len(of) == 0 {
		return nil
	}
	c := idsOf(of, "id")
	_, err := t.exec(ctx, "DELETE FROM journal WHERE "+c.parts[0], c.args...)
	return err
}

// blanking returns how columns are set to values, and how to see that one has another; the values follow args.
func blanking(values map[string]string, alias string, args []any) (sets, differs []string, _ []any, err error) {
	for _, name := range sorted(values) {
		if err := checkNames(name); err != nil {
			return nil, nil, nil, err
		}
		value := values[name]
		if value == OwnerAlias {
			value = alias
		}
		args = append(args, value)
		mark := "CAST($" + strconv.Itoa(len(args)) + " AS TEXT)"
		sets, differs = append(sets, name+" = "+mark), append(differs, name+" <> "+mark)
	}
	return sets, differs, args, nil
}

// CountUnsealed returns how many entries with a higher Seq have no link.
func (t *Tx) CountUnsealed(ctx context.Context, after int64) (n int64, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM journal WHERE seq > $1 AND "+unsealed, after)
	return n, err
}
