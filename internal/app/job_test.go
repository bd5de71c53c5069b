package app

import (
	"testing"

	"ship-post.com/shippost"
)

// A clock that cannot be right keeps every post from going out, which the look ahead says; a platform that does not answer now may
// answer when the post is due.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	got := inTheWay([]shippost.Notice{
		{Code: "clock_wrong", Message: "The clock is wrong.", Remedy: shippost.RemedyOperator},
		{Code: "platform_unavailable", Message: "TikTok does not answer.", Remedy: shippost.RemedyWait},
	})
	if len(got) != 2 || got[0].Severity != shippost.Block || got[0].Code != "clock_wrong" || got[0].Message != "The clock is wrong." || got[0].Remedy != shippost.RemedyOperator ||
		got[1].Severity != shippost.Warn || got[1].Remedy != shippost.RemedyWait {
		t.Errorf("got %+v", got)
	}
}
