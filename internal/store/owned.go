package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Claim says which rows of a table belong to an owner, who is named by one id. The names in it are the catalogue's own,
// never anybody's input; what is no plain name of a column or table is refused all the same.
type Claim struct {
	Column string // of the table; holds the owner's id, or refers to Parent
	Parent string // "" when Column holds the owner's id
	Ref    string // column of Parent that Column refers to; "" means id
	Owner  string // column of Parent that holds the owner's id
	Prefix bool   // Column only begins with the owner's id
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// where returns the condition that selects the owner's rows, with $1 for the owner's id.
func (c Claim) where() (string, error) {
	ref := c.Ref
	if ref == "" {
		ref = "id"
	}
	if err := checkNames(c.Column, ref); err != nil {
		return "", err
	}
	switch {
	case c.Prefix:
		return "substr(" + c.Column + ", 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT)", nil
	case c.Parent == "":
		return c.Column + " = $1", nil
	}
	return c.Column + " IN (SELECT " + ref + " FROM " + c.Parent + " WHERE " + c.Owner + " = $1)", checkNames(c.Parent, c.Owner)
}

func checkNames(names ...string) error {
	for _, name := range names {
		if !plainName.MatchString(name) {
			return fmt.Errorf("%q is no name of a column or table", name)
		}
	}
	return nil
}

// place is how an engine numbers the rows of any table.
func (t *Tx) place() string {
	if t.db.engine == Postgres {
		return "ctid"
	}
	return "rowid"
}

// DeleteOwned deletes up to limit rows of the owner and returns how many there were.
func (t *Tx) DeleteOwned(ctx context.Context, table string, c Claim, owner string, limit int) (int64, error) {
	where, err := c.where()
	if err = errors.Join(err, checkNames(table)); err != nil {
		return 0, err
	}
	return t.exec(ctx, "DELETE FROM "+table+" WHERE "+t.place()+" IN (SELECT "+t.place()+" FROM "+table+" WHERE "+where+" LIMIT $2)", owner, limit)
}

// BlankOwned writes fixed values into columns of up to limit rows of the owner that hold anything else, and returns how
// many there were. In values, OwnerAlias stands for alias.
func (t *Tx) BlankOwned(ctx context.Context, table string, c Claim, owner string, values map[string]string, alias string, limit int) (int64, error) {
	where, err := c.where()
	if err = errors.Join(err, checkNames(table)); err != nil || len(values) == 0 {
		return 0, err
	}
	sets, differs, args, err := blanking(values, alias, []any{owner, limit})
	if err != nil {
		return 0, err
	}
	return t.exec(ctx, "UPDATE "+table+" SET "+strings.Join(sets, ", ")+" WHERE "+t.place()+" IN (SELECT "+t.place()+" FROM "+table+
		" WHERE "+where+" AND ("+strings.Join(differs, " OR ")+") LIMIT $2)", args...)
}

// OwnerAlias stands for the random name that remains of an owner.
const OwnerAlias = "{alias}"

func sorted(values map[string]string) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// CountOwned returns how many rows are the owner's.
func (t *Tx) CountOwned(ctx context.Context, table string, c Claim, owner string) (n int64, err error) {
	where, err := c.where()
	if err = errors.Join(err, checkNames(table)); err != nil {
		return 0, err
	}
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM "+table+" WHERE "+where, owner)
	return n, err
}

// EachOwned gives the columns of each row of the owner, in the order of the first column: nil, an int64 or a string each.
func (t *Tx) EachOwned(ctx context.Context, table string, c Claim, owner string, columns []string, each func([]any) error) error {
	where, err := c.where()
	if err = errors.Join(err, checkNames(table), checkNames(columns...)); err != nil {
		return err
	}
	return t.each(ctx, len(columns), "SELECT "+strings.Join(columns, ", ")+" FROM "+table+" WHERE "+where+" ORDER BY 1", []any{owner}, each)
}

func (t *Tx) each(ctx context.Context, width int, query string, args []any, each func([]any) error) (err error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", verb(query), err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		values, fields := make([]any, width), make([]any, width)
		for i := range values {
			fields[i] = &values[i]
		}
		if err := rows.Scan(fields...); err != nil {
			return fmt.Errorf("%s: %w", verb(query), err)
		}
		for i, v := range values {
			if text, ok := v.([]byte); ok {
				values[i] = string(text)
			}
		}
		if err := each(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// InsertOwned writes a row as EachOwned gave it.
func (t *Tx) InsertOwned(ctx context.Context, table string, columns []string, values []any) error {
	if err := checkNames(append([]string{table}, columns...)...); err != nil {
		return err
	}
	marks := make([]string, len(columns))
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	_, err := t.exec(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
	return err
}

// Schema returns the columns of every table of the database, also of those that ShipPost did not make.
func (t *Tx) Schema(ctx context.Context) (map[string][]string, error) {
	query := `SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid`
	if t.db.engine == Postgres {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`
	}
	schema := map[string][]string{}
	err := t.each(ctx, 2, query, nil, func(v []any) error {
		table, column := fmt.Sprint(v[0]), fmt.Sprint(v[1])
		schema[table] = append(schema[table], column)
		return nil
	})
	return schema, err
}

// Scrub removes from the files of the database what deleted rows leave behind there, and makes its statistics anew, for they repeat
// values of rows. On SQLite deleted bytes are overwritten when they are deleted; here the log that still holds them is emptied. On
// PostgreSQL the rows are freed for reuse; what remains of them is overwritten by use, or by VACUUM FULL when an operator asks for it.
func (d *DB) Scrub(ctx context.Context) error {
	if err := d.Analyze(ctx); err != nil {
		return err
	}
	if d.engine == Postgres {
		if _, err := d.write.ExecContext(ctx, "VACUUM"); err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}
		return nil
	}
	var busy, frames, moved int64
	if err := d.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("empty the log: %w", err)
	}
	if busy != 0 {
		return errors.New("the log cannot be emptied while somebody reads; try again")
	}
	return nil
}
