package jobs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// reporter logs failed jobs, each failure once.
type reporter struct{ log *slog.Logger }

// HandleError implements river.ErrorHandler. A failure that is going to be retried is a warning.
func (r *reporter) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if _, ok := errors.AsType[*rivertype.UnknownJobKindError](err); ok {
		return nil // River logged it
	}
	level := slog.LevelWarn
	if job.Attempt >= job.MaxAttempts {
		level = slog.LevelError
	}
	r.log.Log(ctx, level, "a job failed", "kind", job.Kind, "job", job.ID, "attempt", job.Attempt, "of", job.MaxAttempts, "error", err.Error())
	return nil
}

// HandlePanic implements river.ErrorHandler. River itself logged the panic.
func (r *reporter) HandlePanic(context.Context, *rivertype.JobRow, any, string) *river.ErrorHandlerResult {
	return nil
}

// discreet passes River's warnings and errors on, without what jobs carry. River tells of each failed job at a lower
// level too; reporter does that better.
type discreet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (d discreet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && d.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (d discreet) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if !carried[a.Key] {
			clean.AddAttrs(a)
		}
		return true
	})
	return d.Handler.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (d discreet) WithAttrs(attrs []slog.Attr) slog.Handler {
	var clean []slog.Attr
	for _, a := range attrs {
		if !carried[a.Key] {
			clean = append(clean, a)
		}
	}
	return discreet{d.Handler.WithAttrs(clean)}
}

// WithGroup implements slog.Handler.
func (d discreet) WithGroup(name string) slog.Handler { return discreet{d.Handler.WithGroup(name)} }

// carried names the attributes that may hold a job's arguments.
var carried = map[string]bool{"args": true, "encoded_args": true, "metadata": true, "job": true, "job_row": true, "opts": true, "payload": true}
