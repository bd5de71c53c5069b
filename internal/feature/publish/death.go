package publish

import (
	"encoding/json"
	"fmt"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
)

// uploadLife is how long a platform accepts bytes for an opened attempt, and deathMargin what we add before we believe
// that it no longer does (reliability §3, D6 and D7).
const (
	uploadLife  = time.Hour
	deathMargin = 10 * time.Minute
)

// facts is what is known about an attempt besides its row, when asking whether it is dead.
type facts struct {
	Now     time.Time
	Kind    shippost.MediaKind
	Verdict *platform.Verdict // the platform's latest answer; nil when it was not asked
	// Working reports whether this process still has requests of the attempt under way; they could move it on.
	Working bool
	Ledger  gate.Ledger // what may have been fetched, where the platform fetches the files
	Why     string      // what made us ask, for the evidence
}

// death is a proof that an attempt can never publish.
type death struct {
	Rule     string // "D1" … "D7"
	Evidence string // JSON
}

// proveDead returns the rule of reliability §3 by which the attempt can never publish, and its evidence. It is the only
// way to a further attempt. Nothing else counts: not a time-out, not silence. D8, a person's decision, is not made here.
func proveDead(a shippost.Attempt, f facts) (death, bool) {
	switch a.State {
	case shippost.AttemptPlanned:
		// Nothing ever left.
		return proof("D1", a, f), true
	case shippost.AttemptInitSent:
		// No publish id is known. For a video nobody holds the upload URL, so no byte can follow; for photos the gate
		// never opened. A late answer finds the row dead and is dropped. While our own request is still under way its
		// answer could open the attempt, which the compare-and-set on the state refuses; so this holds even then.
		if f.Kind == shippost.Photo {
			return proof("D3", a, f), true
		}
		return proof("D2", a, f), true
	case shippost.AttemptOpen:
		// The final byte needs a committing row, which the compare-and-set to dead makes impossible.
		return proof("D4", a, f), true
	case shippost.AttemptCommitting, shippost.AttemptHandedOver, shippost.AttemptUnknown:
		return proveCommittedDead(a, f)
	default:
		return death{}, false
	}
}

// proveCommittedDead is proveDead past the point of no return, where only the platform's own word counts.
func proveCommittedDead(a shippost.Attempt, f facts) (death, bool) {
	v := f.Verdict
	if v == nil {
		return death{}, false
	}
	if v.State == platform.Refused {
		return proof("D5", a, f), true
	}
	expired := !a.OpenedAt.IsZero() && f.Now.After(a.OpenedAt.Add(uploadLife+deathMargin))
	if a.State == shippost.AttemptCommitting && f.Kind == shippost.Video && !f.Working && expired &&
		v.State == platform.Incomplete && v.Have >= 0 && v.Have < a.Size {
		return proof("D6", a, f), true
	}
	if a.State == shippost.AttemptCommitting && f.Kind == shippost.Photo && expired && v.State == platform.Fetching &&
		f.Ledger.Closed && f.Ledger.Missing > 0 {
		return proof("D7", a, f), true
	}
	return death{}, false
}

func proof(rule string, a shippost.Attempt, f facts) death {
	e := map[string]any{"state": a.State, "at": f.Now.UTC(), "why": f.Why}
	if v := f.Verdict; v != nil {
		e["platform"] = v.State
		e["have"] = v.Have
		e["of"] = a.Size
		e["log_id"] = v.LogID
		e["answer"] = v.Evidence
	}
	if f.Ledger.Photos > 0 {
		e["photos"], e["photos_never_whole"], e["gate_closed"] = f.Ledger.Photos, f.Ledger.Missing, f.Ledger.Closed
	}
	text, err := json.Marshal(e)
	if err != nil {
		// Everything above is plain data; this cannot fail.
		panic(fmt.Sprintf("publish: evidence of %s: %v", a.ID, err))
	}
	return death{Rule: rule, Evidence: string(text)}
}
