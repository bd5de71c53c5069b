package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ship-post.com/shippost"
)

// table maps the rows of one table to values of T. Its one list of columns serves INSERT and SELECT, so that columns
// and fields cannot drift apart.
type table[T any] struct {
	name       string
	columns    []column[T]
	names      string // "id, name, …"
	insertN    string // "INSERT INTO … VALUES ($1, …)"
	insertMany string // the same for insertTogether rows
}

// insertTogether is how many rows one statement inserts when there are many.
const insertTogether = 8

// column ties a column to a field. field returns a pointer to the field, or the field wrapped by at, span, doc or
// optional; the same value is written from and scanned into.
type column[T any] struct {
	name  string
	field func(*T) any
}

// newTable returns the mapping of a table. The order of columns is the order of parameters.
func newTable[T any](name string, columns ...column[T]) table[T] {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	list := strings.Join(names, ", ")
	insert := "INSERT INTO " + name + " (" + list + ") VALUES "
	return table[T]{name: name, columns: columns, names: list, insertN: insert + rowsOfMarks(1, len(columns)), insertMany: insert + rowsOfMarks(insertTogether, len(columns))}
}

// rowsOfMarks returns the marks of some rows: "($1, $2), ($3, $4)".
func rowsOfMarks(rows, columns int) string {
	var b strings.Builder
	for n := range rows * columns {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(n+1))
	}
	return b.String() + ")"
}

// insert writes row as a new row. A row that breaks a unique index fails; see duplicate.
func (m table[T]) insert(ctx context.Context, tx *Tx, row *T) error {
	_, err := tx.exec(ctx, m.insertN, m.fields(row)...)
	return err
}

// insertAll writes rows as new rows, in their order.
func (m table[T]) insertAll(ctx context.Context, tx *Tx, rows []T) error {
	for len(rows) >= insertTogether {
		args := make([]any, 0, insertTogether*len(m.columns))
		for i := range insertTogether {
			args = append(args, m.fields(&rows[i])...)
		}
		if _, err := tx.exec(ctx, m.insertMany, args...); err != nil {
			return err
		}
		rows = rows[insertTogether:]
	}
	for i := range rows {
		if err := m.insert(ctx, tx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// get reads the one row that tail ("WHERE … ") selects. Without one it returns missing.
func (m table[T]) get(ctx context.Context, tx *Tx, missing error, tail string, args ...any) (T, error) {
	var row T
	query := "SELECT " + m.names + " FROM " + m.name + " " + tail
	err := tx.value(ctx, m.fields(&row), query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return row, missing
	}
	return row, err
}

// list reads all rows that tail ("WHERE … ORDER BY …") selects.
func (m table[T]) list(ctx context.Context, tx *Tx, tail string, args ...any) (_ []T, err error) {
	rows, err := tx.query(ctx, "SELECT "+m.names+" FROM "+m.name+" "+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", m.name, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []T
	for rows.Next() {
		var row T
		if err := rows.Scan(m.fields(&row)...); err != nil {
			return nil, fmt.Errorf("list %s: %w", m.name, err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", m.name, err)
	}
	return all, nil
}

func (m table[T]) fields(row *T) []any {
	fields := make([]any, len(m.columns))
	for i, c := range m.columns {
		fields[i] = c.field(row)
	}
	return fields
}

// plain turns arguments into the few types that both drivers understand alike. It refuses text that PostgreSQL
// cannot hold, so that SQLite does not accept what cannot be moved.
func plain(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		if s, ok := value.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return nil, shippost.Errorf(shippost.Invalid, "invalid_text",
				"The text holds characters that cannot be stored. Type it again.").With(shippost.RemedyEdit)
		}
		values[i] = value
	}
	return values, nil
}

// at maps a time to microseconds since 1970; the zero time is NULL.
func at(t *time.Time) any { return instant{t} }

// moment is at for a parameter that is no field.
func moment(t time.Time) any { return instant{&t} }

type instant struct{ time *time.Time }

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	if i.time.IsZero() {
		return nil, nil
	}
	return i.time.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (i instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i.time = time.Time{}
	case int64:
		*i.time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is stored as microseconds, not %T", src)
	}
	return nil
}

// span maps a duration to microseconds.
func span(d *time.Duration) any { return duration{d} }

type duration struct{ span *time.Duration }

// Value implements driver.Valuer.
func (d duration) Value() (driver.Value, error) { return d.span.Microseconds(), nil }

// Scan implements sql.Scanner.
func (d duration) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as microseconds, not %T", src)
	}
	*d.span = time.Duration(v) * time.Microsecond
	return nil
}

// doc maps a field, given by pointer, to JSON text. A nil pointer is the empty text; an empty slice or map is stored
// as "[]" or "{}" and read back as nil.
func doc(field any) any { return document{field} }

type document struct{ field any }

// Value implements driver.Valuer.
func (d document) Value() (driver.Value, error) {
	v := reflect.ValueOf(d.field).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "", nil
		}
	case reflect.Slice:
		if v.Len() == 0 {
			return "[]", nil
		}
	case reflect.Map:
		if v.Len() == 0 {
			return "{}", nil
		}
	default:
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(d.field); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// Scan implements sql.Scanner.
func (d document) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("a document is stored as text, not %T", src)
	}
	v := reflect.ValueOf(d.field).Elem()
	v.SetZero()
	empty := text == "" || (v.Kind() == reflect.Slice && text == "[]") || (v.Kind() == reflect.Map && text == "{}")
	if empty {
		return nil
	}
	return json.Unmarshal([]byte(text), d.field)
}

// optional maps text to a column that may be NULL; the empty text is NULL.
func optional[S ~string](s *S) any { return perhaps[S]{s} }

type perhaps[S ~string] struct{ text *S }

// Value implements driver.Valuer.
func (p perhaps[S]) Value() (driver.Value, error) {
	if *p.text == "" {
		return nil, nil
	}
	return string(*p.text), nil
}

// Scan implements sql.Scanner.
func (p perhaps[S]) Scan(src any) error {
	var text sql.NullString
	if err := text.Scan(src); err != nil {
		return err
	}
	*p.text = S(text.String)
	return nil
}

// missing returns the NotFound error of a noun: code "<noun>_not_found" and a sentence, in which media is called what people call it.
func missing(noun string) error {
	code := strings.ReplaceAll(noun, " ", "_") + "_not_found"
	if noun == "media" {
		noun = "file"
	}
	return shippost.Errorf(shippost.NotFound, code, "This %s does not exist, or is not yours.", noun)
}
