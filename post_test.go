package shippost

import (
	"testing"
	"time"
)

func TestPost_Deadline(t *testing.T) {
	due := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for window, want := range map[time.Duration]time.Duration{
		0: time.Minute, 30 * time.Second: time.Minute, time.Minute: time.Minute, 15 * time.Minute: 15 * time.Minute, 24 * time.Hour: 24 * time.Hour,
	} {
		if got := (Post{Due: Due{At: due}, LateWindow: window}).Deadline().Sub(due); got != want {
			t.Errorf("window %s: first commit until due + %s, want %s", window, got, want)
		}
	}
}

func TestPost_Lateness(t *testing.T) {
	due := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	if got := (Post{Due: Due{At: due}}).Lateness(); got != 0 {
		t.Errorf("not sent: got %s", got)
	}
	if got := (Post{Due: Due{At: due}, CommittedAt: due.Add(12 * time.Millisecond)}).Lateness(); got != 12*time.Millisecond {
		t.Errorf("got %s, want 12ms", got)
	}
}

func TestPost_Editable(t *testing.T) {
	for _, status := range PostStatuses {
		for _, committing := range []bool{false, true} {
			want := status == PostDraft || status == PostQueued || status == PostPublishing && !committing
			if got := (Post{Status: status}).Editable(committing); got != want {
				t.Errorf("%s, committing %v: got %v, want %v", status, committing, got, want)
			}
		}
		if ended := status != PostDraft && status != PostQueued && status != PostPublishing; status.Ended() != ended {
			t.Errorf("%s: ended is %v", status, status.Ended())
		}
	}
}

func TestAttemptState_Committed(t *testing.T) {
	for state, want := range map[AttemptState]bool{
		AttemptPlanned: false, AttemptInitSent: false, AttemptOpen: false, AttemptDead: false,
		AttemptCommitting: true, AttemptHandedOver: true, AttemptLive: true, AttemptUnknown: true,
	} {
		if state.Committed() != want {
			t.Errorf("%s: got %v, want %v", state, state.Committed(), want)
		}
	}
}

func TestMedia_Usable(t *testing.T) {
	blocked := []Problem{{Code: "too_short", Severity: Block}}
	warned := []Problem{{Code: "unusual_shape", Severity: Warn}}
	for _, status := range []MediaStatus{MediaReceiving, MediaChecking, MediaReady, MediaRejected, MediaDeleted} {
		ready := status == MediaReady
		if (Media{Status: status}).Usable() != ready || (Media{Status: status, Problems: warned}).Usable() != ready || (Media{Status: status, Problems: blocked}).Usable() {
			t.Errorf("%s: only ready media without blocking problems is usable", status)
		}
	}
}

func TestReceipt_AccountScope(t *testing.T) {
	if !(Receipt{}).IsZero() || (Receipt{PublishID: "v_pub_file~v2-1.7"}).IsZero() {
		t.Error("a receipt is zero exactly without a publish id")
	}
	account := Account{Scopes: []string{"user.info.basic", "video.publish"}}
	if !account.HasScope("video.publish") || account.HasScope("video.upload") {
		t.Error("HasScope does not read the scopes")
	}
}
