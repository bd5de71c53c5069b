package store

import (
	"context"
	"time"
)

// Sample has a field of each kind that the mapping knows.
type Sample struct {
	ID    string
	Count int
	On    bool
	Part  float64
	At    time.Time
	Span  time.Duration
	List  []string
	Map   map[string]any
	Doc   *Nested
	Plain Nested
	Ref   string
}

// Nested is a document.
type Nested struct {
	Text string `json:"text"`
}

// SampleTable creates the table of Sample.
const SampleTable = `CREATE TABLE samples (id TEXT PRIMARY KEY, count BIGINT NOT NULL, "on" BOOLEAN NOT NULL, part DOUBLE PRECISION NOT NULL,
	at BIGINT, span BIGINT NOT NULL, list TEXT NOT NULL, map TEXT NOT NULL, doc TEXT NOT NULL, plain TEXT NOT NULL, ref TEXT)`

var samples = newTable("samples",
	column[Sample]{"id", func(s *Sample) any { return &s.ID }},
	column[Sample]{"count", func(s *Sample) any { return &s.Count }},
	column[Sample]{`"on"`, func(s *Sample) any { return &s.On }},
	column[Sample]{"part", func(s *Sample) any { return &s.Part }},
	column[Sample]{"at", func(s *Sample) any { return at(&s.At) }},
	column[Sample]{"span", func(s *Sample) any { return span(&s.Span) }},
	column[Sample]{"list", func(s *Sample) any { return doc(&s.List) }},
	column[Sample]{"map", func(s *Sample) any { return doc(&s.Map) }},
	column[Sample]{"doc", func(s *Sample) any { return doc(&s.Doc) }},
	column[Sample]{"plain", func(s *Sample) any { return doc(&s.Plain) }},
	column[Sample]{"ref", func(s *Sample) any { return optional(&s.Ref) }},
)

// InsertSample writes a sample.
func (t *Tx) InsertSample(ctx context.Context, s *Sample) error { return samples.insert(ctx, t, s) }

// Sample reads a sample.
func (t *Tx) Sample(ctx context.Context, id string) (Sample, error) {
	return samples.get(ctx, t, missing("paper sample"), "WHERE id = $1", id)
}

// Exec runs a statement with parameters in the order of their numbers.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return t.exec(ctx, query, args...)
}

// The pure checks of Open.
var (
	SoundSQLite   = soundSQLite
	SoundPostgres = soundPostgres
)
