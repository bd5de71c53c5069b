package platform

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

// RuleTeller is implemented by platforms whose limits can be told as data.
type RuleTeller interface {
	// Rules returns the limits that Validate goes by. A zero Creator leaves the account's own out.
	Rules(shippost.Creator) shippost.Rules
}

// The form that conversions make. Every platform takes it.
const (
	convertedLong  = 1920 // pixels; what is larger is made smaller again by the platforms
	convertedShort = 1080
	trimMargin     = 100 * time.Millisecond // a sound track ends a little after its picture
	bestRate       = 30                     // where the file does not tell a usable one
)

// MakeRecipe returns how a video can be made to keep the rules. needed is false when it keeps them as it is, in the form that
// conversions make; ok is false when no conversion can help, such as for a picture that is a hundred times as wide as high.
func MakeRecipe(rules shippost.Rules, m shippost.Media) (recipe shippost.Recipe, needed, ok bool) {
	f := m.Facts
	if m.Kind != shippost.Video || m.Status != shippost.MediaReady || f.Width <= 0 || f.Height <= 0 {
		return recipe, false, false
	}
	r := shippost.Recipe{Width: f.Width, Height: f.Height, FrameRate: f.FrameRate, MaxSize: most(rules, shippost.RuleSize, math.MaxInt64)}
	say := func(format string, args ...any) { r.Changes = append(r.Changes, fmt.Sprintf(format, args...)) }
	if f.Container != "mp4" || f.VideoCodec != "h264" {
		say("saved as MP4 with H.264 instead of %s", form(f))
	} else if f.AudioCodec != "" && f.AudioCodec != "aac" {
		say("sound saved as AAC instead of %s", f.AudioCodec)
	}
	width, height, fits, ok := newSize(rules, f.Width, f.Height)
	if !ok {
		return recipe, true, false
	}
	if !fits {
		say("%d × %d pixels instead of %d × %d", width, height, f.Width, f.Height)
	}
	if rule, has := rules.About(shippost.Video, shippost.RuleFrameRate); has && f.FrameRate > 0 && !rule.Allows(f.FrameRate) {
		r.FrameRate = nearestRate(rule, f.FrameRate)
		say("%s frames per second instead of %s", number(r.FrameRate), number(f.FrameRate))
	}
	if f.VariableRate {
		if rule, has := rules.About(shippost.Video, shippost.RuleFrameRate); !has || rule.Allows(math.Round(r.FrameRate)) {
			r.FrameRate = math.Round(r.FrameRate)
		}
		say("a constant %s frames per second", number(r.FrameRate))
	}
	if r.FrameRate <= 0 {
		r.FrameRate = bestRate
	}
	r.FrameRate = usual(r.FrameRate)
	if rule, has := rules.About(shippost.Video, shippost.RuleDuration); has && rule.Max != nil {
		if limit := time.Duration(*rule.Max) * time.Millisecond; f.Duration > limit {
			r.Length = limit - trimMargin
			say("cut after %s", spoken(limit))
		}
	}
	if m.Size > r.MaxSize {
		say("a smaller file")
	}
	needed = len(r.Changes) > 0
	if needed && fits && (width != f.Width || height != f.Height) {
		say("%d × %d pixels instead of %d × %d", width, height, f.Width, f.Height)
	}
	r.Width, r.Height = width, height
	return r, needed, true
}

// newSize returns the size a converted picture has, with even sides and the same proportions. fits is true when the rules
// let it be as it is; ok is false when no size keeps them.
func newSize(rules shippost.Rules, width, height int) (w, h int, fits, ok bool) {
	long, short := float64(max(width, height)), float64(min(width, height))
	longRule, _ := rules.About(shippost.Video, shippost.RuleLongSide)
	shortRule, _ := rules.About(shippost.Video, shippost.RuleShortSide)
	fits = longRule.Allows(long) && shortRule.Allows(short)
	scale := min(1, convertedLong/long, convertedShort/short)
	if shortRule.Min != nil && short*scale < *shortRule.Min {
		scale = *shortRule.Min / short
	}
	even := func(side int) int { return max(2, 2*int(math.Round(float64(side)*scale/2))) }
	w, h = even(width), even(height)
	ok = longRule.Allows(float64(max(w, h))) && shortRule.Allows(float64(min(w, h)))
	return w, h, fits, ok
}

// most returns the largest number a rule about videos allows.
func most(rules shippost.Rules, about string, otherwise int64) int64 {
	if rule, ok := rules.About(shippost.Video, about); ok && rule.Max != nil {
		return int64(*rule.Max)
	}
	return otherwise
}

// nearestRate returns the frame rate inside the rule that loses or doubles the fewest frames.
func nearestRate(rule shippost.Rule, rate float64) float64 {
	if rule.Max != nil && rate > *rule.Max {
		for _, divisor := range []float64{2, 3, 4, 5, 8, 10} {
			if rule.Allows(rate / divisor) {
				return rate / divisor
			}
		}
		return min(*rule.Max, bestRate)
	}
	for _, factor := range []float64{2, 3, 4} {
		if rule.Allows(rate * factor) {
			return rate * factor
		}
	}
	return bestRate
}

// usual returns the rate that is meant by a measured one.
func usual(rate float64) float64 {
	for _, known := range []float64{24000.0 / 1001, 24, 25, 30000.0 / 1001, 30, 50, 60000.0 / 1001, 60} {
		if math.Abs(rate-known) < known/2500 {
			return known
		}
	}
	return rate
}

func number(n float64) string { return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 2, 64), ".00") }

// spoken writes a length in minutes and seconds.
func spoken(d time.Duration) string {
	minutes, seconds := d/time.Minute, d%time.Minute/time.Second
	switch {
	case minutes == 0:
		return fmt.Sprintf("%d s", seconds)
	case seconds == 0:
		return fmt.Sprintf("%d min", minutes)
	default:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	}
}

func form(f shippost.MediaFacts) string {
	words := slices.DeleteFunc([]string{strings.ToUpper(f.Container), f.VideoCodec}, func(s string) bool { return s == "" })
	return strings.Join(words, " with ")
}
