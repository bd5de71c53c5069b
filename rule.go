package shippost

import "time"

// Rule is one limit of a platform as data: the same list makes the editor's hints, the answer of a check and the last
// look before sending, so that the three cannot disagree.
type Rule struct {
	Code     string     `json:"code"`             // of the problem when the rule is broken
	Kind     MediaKind  `json:"kind,omitempty"`   // the kind of media it is about; "" for any post
	About    string     `json:"about"`            // what is measured; see the constants
	OneOf    []string   `json:"one_of,omitempty"` // the words that are taken
	Min      *float64   `json:"min,omitempty"`
	Max      *float64   `json:"max,omitempty"`
	Unit     string     `json:"unit,omitempty"` // of Min and Max: "bytes", "ms", "pixels", "fps", "files", "utf16"
	Severity Severity   `json:"severity"`
	Source   RuleSource `json:"source"`
	Fixable  bool       `json:"fixable"` // a conversion can make the file fit
}

// What rules are about.
const (
	RuleCount      = "count"       // files of a post
	RuleContainer  = "container"   // MediaFacts.Container
	RuleVideoCodec = "video_codec" // MediaFacts.VideoCodec
	RuleSize       = "size"        // bytes of a file
	RuleShortSide  = "short_side"  // the smaller of width and height
	RuleLongSide   = "long_side"   // the larger of width and height
	RuleFrameRate  = "frame_rate"
	RuleDuration   = "duration"
	RuleCaption    = "caption"
	RuleTitle      = "title"
)

// RuleSource says who set a limit.
type RuleSource string

// The sources of rules.
const (
	FromPlatform RuleSource = "platform" // the same for everybody
	FromAccount  RuleSource = "account"  // this creator's own, as the platform told it now
	Observed     RuleSource = "observed" // not promised anywhere; seen in practice
)

// Allows reports whether a number is within the rule's bounds.
func (r Rule) Allows(n float64) bool {
	return (r.Min == nil || n >= *r.Min) && (r.Max == nil || n <= *r.Max)
}

// Rules are all limits that hold for an account at one moment.
type Rules []Rule

// About returns the blocking rule for a kind of media that measures something; false when there is none.
func (rs Rules) About(kind MediaKind, about string) (Rule, bool) {
	for _, r := range rs {
		if r.Severity == Block && r.About == about && (r.Kind == kind || r.Kind == "") {
			return r, true
		}
	}
	return Rule{}, false
}

// Recipe says how a video is made anew so that it fits: as MP4 with H.264 and AAC, upright, at a constant frame rate.
type Recipe struct {
	Width     int           `json:"width"` // pixels as shown, even
	Height    int           `json:"height"`
	FrameRate float64       `json:"frame_rate"`
	Length    time.Duration `json:"length,omitempty"` // what is kept from the beginning; 0 for all
	MaxSize   int64         `json:"max_size"`         // bytes
	Changes   []string      `json:"changes"`          // what becomes different, in words
}
