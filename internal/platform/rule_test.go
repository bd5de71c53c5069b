package platform_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// TestMakeRecipe says for each awkward video what a conversion makes of it.
func TestMakeRecipe(t *testing.T) {
	t.Parallel()
	bound := func(about string, least, most float64) shippost.Rule {
		return shippost.Rule{About: about, Kind: shippost.Video, Min: &least, Max: &most, Severity: shippost.Block, Fixable: true}
	}
	rules := shippost.Rules{bound(shippost.RuleShortSide, 360, 4096), bound(shippost.RuleLongSide, 360, 4096), bound(shippost.RuleFrameRate, 22.95, 60.05),
		bound(shippost.RuleDuration, 0, 180_000), bound(shippost.RuleSize, 1, 4<<30)}
	for _, c := range []struct {
		name   string
		change func(*shippost.Media)
		want   shippost.Recipe // MaxSize left out
		needed bool
		ok     bool
	}{
		{"fits", func(*shippost.Media) {}, shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 30}, false, true},
		{"4K that fits", func(m *shippost.Media) { m.Facts.Width, m.Facts.Height = 2160, 3840 }, shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 30}, false, true},
		{"4K in HEVC", func(m *shippost.Media) { m.Facts.Width, m.Facts.Height, m.Facts.VideoCodec = 3840, 2160, "h265" },
			shippost.Recipe{Width: 1920, Height: 1080, FrameRate: 30, Changes: []string{"saved as MP4 with H.264 instead of MP4 with h265", "1920 × 1080 pixels instead of 3840 × 2160"}}, true, true},
		{"WebM with odd sides", func(m *shippost.Media) {
			m.Facts.Container, m.Facts.VideoCodec, m.Facts.Width, m.Facts.Height = "webm", "vp9", 641, 361
		}, shippost.Recipe{Width: 642, Height: 362, FrameRate: 30, Changes: []string{"saved as MP4 with H.264 instead of WEBM with vp9", "642 × 362 pixels instead of 641 × 361"}}, true, true},
		{"variable rate", func(m *shippost.Media) { m.Facts.FrameRate, m.Facts.VariableRate = 28.7, true },
			shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 29, Changes: []string{"a constant 29 frames per second"}}, true, true},
		{"slow motion", func(m *shippost.Media) { m.Facts.FrameRate = 120 },
			shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 60, Changes: []string{"60 frames per second instead of 120"}}, true, true},
		{"too long", func(m *shippost.Media) { m.Facts.Duration = 200 * time.Second },
			shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 30, Length: 180*time.Second - 100*time.Millisecond, Changes: []string{"cut after 3 min"}}, true, true},
		{"MP3 sound", func(m *shippost.Media) { m.Facts.AudioCodec = "mp3" },
			shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 30, Changes: []string{"sound saved as AAC instead of mp3"}}, true, true},
		{"no sound", func(m *shippost.Media) { m.Facts.AudioCodec = "" }, shippost.Recipe{Width: 1080, Height: 1920, FrameRate: 30}, false, true},
		{"small", func(m *shippost.Media) { m.Facts.Width, m.Facts.Height = 200, 300 },
			shippost.Recipe{Width: 360, Height: 540, FrameRate: 30, Changes: []string{"360 × 540 pixels instead of 200 × 300"}}, true, true},
		{"a ribbon", func(m *shippost.Media) { m.Facts.Width, m.Facts.Height = 20, 4000 }, shippost.Recipe{}, true, false},
		{"a photo", func(m *shippost.Media) { m.Kind = shippost.Photo }, shippost.Recipe{}, false, false},
		{"not checked yet", func(m *shippost.Media) { m.Status = shippost.MediaChecking }, shippost.Recipe{}, false, false},
	} {
		m := shippost.Media{Status: shippost.MediaReady, Kind: shippost.Video, Size: 8 << 20,
			Facts: shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 15 * time.Second, Width: 1080, Height: 1920, FrameRate: 30}}
		c.change(&m)
		got, needed, ok := platform.MakeRecipe(rules, m)
		got.MaxSize = 0
		if needed != c.needed || ok != c.ok {
			t.Errorf("%s: needed %v, possible %v; want %v, %v", c.name, needed, ok, c.needed, c.ok)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
