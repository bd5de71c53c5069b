package publish

import (
	"encoding/json"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
)

// TestProveDead holds each row of reliability §3 against the function, and what must not count as proof beside it.
func TestProveDead(t *testing.T) {
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	fetching, unserved := &platform.Verdict{State: platform.Fetching}, gate.Ledger{Photos: 2, Missing: 1, Closed: true}
	incomplete := &platform.Verdict{State: platform.Incomplete, Have: 10, LogID: "L1"}
	cases := []struct {
		name   string
		state  shippost.AttemptState
		opened time.Duration // before now
		facts  facts
		want   string // rule, "" for no proof
	}{
		{"planned", shippost.AttemptPlanned, 0, facts{}, "D1"},
		{"video init without answer", shippost.AttemptInitSent, 0, facts{Kind: shippost.Video}, "D2"},
		{"photo init without answer", shippost.AttemptInitSent, 0, facts{Kind: shippost.Photo}, "D3"},
		{"open", shippost.AttemptOpen, time.Minute, facts{Kind: shippost.Video}, "D4"},
		{"platform refused it", shippost.AttemptHandedOver, time.Minute, facts{Verdict: &platform.Verdict{State: platform.Refused}}, "D5"},
		{"platform refused it before we knew that it has all", shippost.AttemptCommitting, time.Minute, facts{Verdict: &platform.Verdict{State: platform.Refused}}, "D5"},
		{"bytes missing and URL expired", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: incomplete}, "D6"},

		{"bytes missing, URL just within its margin", shippost.AttemptCommitting, 70 * time.Minute, facts{Kind: shippost.Video, Verdict: incomplete}, ""},
		{"bytes missing, but we still send", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: incomplete, Working: true}, ""},
		{"all bytes there", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: &platform.Verdict{State: platform.Incomplete, Have: 100}}, ""},
		{"platform does not say how much it has", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: &platform.Verdict{State: platform.Incomplete, Have: -1}}, ""},
		{"photos: one was never fetched whole, time is over and the gate closed", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: unserved}, "D7"},
		{"photos: the gate is still open", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: gate.Ledger{Photos: 2, Missing: 1}}, ""},
		{"photos: every last byte may have left", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: gate.Ledger{Photos: 2, Closed: true}}, ""},
		{"photos: the platform still has time to fetch", shippost.AttemptCommitting, 70 * time.Minute, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: unserved}, ""},
		{"photos: the platform says something else", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Photo, Verdict: &platform.Verdict{State: platform.Processing}, Ledger: unserved}, ""},
		{"photos: nobody was asked", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Photo, Ledger: unserved}, ""},
		{"photos: handed over", shippost.AttemptHandedOver, 71 * time.Minute, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: unserved}, ""},
		{"a video has no ledger", shippost.AttemptCommitting, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: fetching, Ledger: unserved}, ""},

		{"silence", shippost.AttemptCommitting, 100 * time.Hour, facts{Kind: shippost.Video}, ""},
		{"handed over and silent for days", shippost.AttemptHandedOver, 100 * time.Hour, facts{Kind: shippost.Video, Verdict: &platform.Verdict{State: platform.Processing}}, ""},
		{"handed over, platform forgot bytes", shippost.AttemptHandedOver, 71 * time.Minute, facts{Kind: shippost.Video, Verdict: incomplete}, ""},
		{"live", shippost.AttemptLive, time.Hour, facts{Verdict: &platform.Verdict{State: platform.Refused}}, ""},
		{"unknown, and the platform refuses it at last", shippost.AttemptUnknown, 100 * time.Hour, facts{Verdict: &platform.Verdict{State: platform.Refused}}, "D5"},
		{"unknown and silent", shippost.AttemptUnknown, 100 * time.Hour, facts{Kind: shippost.Video, Verdict: &platform.Verdict{State: platform.Processing}}, ""},
		{"unknown, bytes missing", shippost.AttemptUnknown, 100 * time.Hour, facts{Kind: shippost.Video, Verdict: incomplete}, ""},
		{"unknown, photos never fetched", shippost.AttemptUnknown, 100 * time.Hour, facts{Kind: shippost.Photo, Verdict: fetching, Ledger: unserved}, ""},
		{"dead already", shippost.AttemptDead, time.Hour, facts{}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.facts.Now = now
			a := shippost.Attempt{State: c.state, Size: 100, OpenedAt: now.Add(-c.opened)}
			got, ok := proveDead(a, c.facts)
			if got.Rule != c.want || ok != (c.want != "") {
				t.Fatalf("proved %q (%v), want %q", got.Rule, ok, c.want)
			}
			if ok && !json.Valid([]byte(got.Evidence)) {
				t.Errorf("the evidence is no JSON: %s", got.Evidence)
			}
		})
	}
}
