package admin_test

import (
	"strings"
	"testing"

	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// S16: the page of the audit log says whether anybody changed it, and what somebody put into a line does nothing there.
func TestS16_TheAuditPageTellsOfBreaks(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		ctx := t.Context()
		o.enrol(o.code())
		has := func(words ...string) {
			t.Helper()
			body := o.send("GET", "/admin/audit", nil).Body.String()
			for _, w := range words {
				if !strings.Contains(body, w) {
					t.Errorf("the page lacks %q:\n%s", w, body)
				}
			}
			if strings.Contains(body, "<script>") {
				t.Errorf("what stands in a line is a part of the page:\n%s", body)
			}
		}
		check := func() {
			t.Helper()
			if err := o.data.Chain.Seal(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := o.data.Chain.Verify(ctx); err != nil {
				t.Fatal(err)
			}
		}
		has("is checked a minute after the server has started")
		check()
		has("2 entries, unbroken since 24 November 2026.", "Checked 24 Nov 2026, 12:00")
		const sharp = "<script>\r\n\x1b[31m=cmd|' /C calc'!A0"
		if _, err := db.SQL().ExecContext(ctx, "UPDATE journal SET kind = $1, network = $1, actor_user = $1, actor_kind = $1", sharp); err != nil {
			t.Fatal(err)
		}
		check()
		has("This log is not what this server wrote.", "Broken in 2 places, first at entry ", "shippost admin audit restored", "&lt;script&gt;", "=cmd|")
	})
}
