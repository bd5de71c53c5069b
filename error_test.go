package shippost

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrors_KeepKindThroughWrapping(t *testing.T) {
	cause := errors.New("row 7 is gone")
	e := Errorf(Conflict, "version_conflict", "Somebody changed post %d.", 7).With(RemedyEdit).At("version").Because(cause)
	wrapped := fmt.Errorf("edit: %w", fmt.Errorf("update: %w", e))
	if !IsKind(wrapped, Conflict) || !IsCode(wrapped, "version_conflict") || IsKind(wrapped, Invalid) {
		t.Errorf("wrapped error lost its kind or code: %v", wrapped)
	}
	if !errors.Is(wrapped, cause) {
		t.Error("the cause is lost")
	}
	got := AsError(wrapped)
	if got.Message != "Somebody changed post 7." || got.Remedy != RemedyEdit || got.Field != "version" {
		t.Errorf("got %+v", got)
	}
	if got.Error() != "Somebody changed post 7.: row 7 is gone" {
		t.Errorf("got %q", got.Error())
	}
}

func TestErrors_CopiesDoNotShare(t *testing.T) {
	base := Errorf(Invalid, "caption_too_long", "Too long.")
	_ = base.With(RemedyEdit).At("caption").Because(errors.New("x"))
	if base.Remedy != RemedyNone || base.Field != "" || base.Err != nil {
		t.Errorf("the original changed: %+v", base)
	}
}

func TestErrors_Unknown(t *testing.T) {
	err := errors.New("disk on fire")
	e := AsError(err)
	if e.Kind != Internal || e.Code != "internal" || e.Message != "" || !errors.Is(e, err) {
		t.Errorf("got %+v, want an internal error without words for users", e)
	}
	if AsError(nil) != nil || IsKind(nil, Internal) || IsCode(nil, "internal") || ErrorKind(nil) != Internal {
		t.Error("no error must not look like one")
	}
}

func TestKind_Names(t *testing.T) {
	want := map[Kind]string{Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated", Forbidden: "forbidden",
		NotFound: "not_found", Conflict: "conflict", Wait: "wait", Reconnect: "reconnect", Unavailable: "unavailable", 200: "internal"}
	for kind, name := range want {
		if kind.String() != name {
			t.Errorf("kind %d is called %q, want %q", kind, kind, name)
		}
	}
}

func TestRejected(t *testing.T) {
	warning := Problem{Code: "unusual_shape", Message: "Black bars will be shown.", Severity: Warn}
	first := Problem{Code: "caption_too_long", Field: "caption", Message: "Too long.", Remedy: RemedyEdit, Severity: Block}
	second := Problem{Code: "consent_required", Field: "options.tiktok.consent", Message: "Agree first.", Severity: Block}
	if err := Rejected([]Problem{warning}); err != nil {
		t.Errorf("warnings alone reject: %v", err)
	}
	if err := Rejected(nil); err != nil {
		t.Errorf("no problem rejects: %v", err)
	}
	e := AsError(Rejected([]Problem{warning, first, second}))
	if e.Kind != Invalid || e.Code != first.Code || e.Field != first.Field || e.Message != first.Message || e.Remedy != first.Remedy || len(e.Problems) != 3 {
		t.Errorf("got %+v, want the first blocking problem, and all of them in the list", e)
	}
}
