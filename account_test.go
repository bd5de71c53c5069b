package shippost

import (
	"strings"
	"testing"
)

// TestAccount_Why: each reason has words of its own, and an account that must be connected again is never without.
func TestAccount_Why(t *testing.T) {
	said := make(map[string]string)
	for _, reason := range []string{ReasonRefresh, ReasonRefused, ReasonWithdrawn, ReasonScopes, ReasonImported, ReasonBreach} {
		a := Account{Status: AccountReconnect, StatusReason: reason}
		why := a.Why()
		if !strings.HasSuffix(why, ".") || said[why] != "" {
			t.Errorf("%s: %q, as of %q", reason, why, said[why])
		}
		said[why] = reason
		if a.Status = AccountActive; a.Why() != "" {
			t.Errorf("an active account says %q", a.Why())
		}
	}
	if a := (Account{Status: AccountReconnect, StatusReason: "of a later version"}); said[a.Why()] != ReasonRefresh {
		t.Errorf("an unknown reason says %q", a.Why())
	}
	ended := Account{Status: AccountDisconnected}
	if ended.Why() != "" {
		t.Errorf("an account that was disconnected here says %q", ended.Why())
	}
	if ended.StatusReason = ReasonRemoved; !strings.Contains(ended.Why(), "took ShipPost's access back") {
		t.Errorf("an account that its creator removed says %q", ended.Why())
	}
}
