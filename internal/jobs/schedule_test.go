package jobs

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func TestBackoffGrowsToFiveMinutes(t *testing.T) {
	t.Parallel()
	b := backoff{func() time.Time { return noon }}
	for failed, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 7: 128 * time.Second, 8: 5 * time.Minute, 500: 5 * time.Minute} {
		got := b.NextRetry(&rivertype.JobRow{Errors: make([]rivertype.AttemptError, failed)}).Sub(noon)
		if got < want || got > want+want/10 {
			t.Errorf("after %d failures a job waits %v, want %v to a tenth more", failed, got, want)
		}
	}
}

func TestIndexesAreRebuiltInTheQuietHour(t *testing.T) {
	t.Parallel()
	for now, want := range map[string]string{
		"2026-07-01T00:00:00Z":      "2026-07-01T03:37:00Z",
		"2026-07-01T03:37:00Z":      "2026-07-02T03:37:00Z",
		"2026-12-31T23:59:59Z":      "2027-01-01T03:37:00Z",
		"2026-07-01T01:00:00+02:00": "2026-07-01T03:37:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (quietHour{}).Next(at).Format(time.RFC3339); got != want {
			t.Errorf("after %s comes %s, want %s", now, got, want)
		}
	}
}

func TestRiverLogsNoArguments(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := slog.New(discreet{slog.NewTextHandler(&text, nil)})
	log.Info("chatter")
	log.Warn("slow", "job_id", 7, "args", "caption")
	log.With("metadata", "caption", "queue", "notes").Error("worse", "encoded_args", "caption")
	got := text.String()
	for _, want := range []string{"slow", "job_id=7", "worse", "queue=notes"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
	for _, never := range []string{"chatter", "caption"} {
		if strings.Contains(got, never) {
			t.Errorf("the log holds %q:\n%s", never, got)
		}
	}
}

func TestFailuresAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	r := &reporter{slog.New(slog.NewTextHandler(&text, nil))}
	ctx := context.Background()
	r.HandleError(ctx, &rivertype.JobRow{ID: 7, Kind: "note", Attempt: 1, MaxAttempts: 2, EncodedArgs: []byte("caption")}, context.DeadlineExceeded)
	r.HandleError(ctx, &rivertype.JobRow{ID: 7, Kind: "note", Attempt: 2, MaxAttempts: 2}, context.DeadlineExceeded)
	r.HandleError(ctx, &rivertype.JobRow{ID: 8, Kind: "unknown"}, &rivertype.UnknownJobKindError{Kind: "unknown"})
	r.HandlePanic(ctx, &rivertype.JobRow{ID: 9, Kind: "note"}, "boom", "trace")
	got := text.String()
	if strings.Count(got, "\n") != 2 || strings.Count(got, "level=WARN") != 1 || strings.Count(got, "level=ERROR") != 1 || strings.Contains(got, "caption") {
		t.Errorf("the log is not one warning and one error about job 7:\n%s", got)
	}
}
