package tiktok

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/platformtest"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

func TestContract(t *testing.T) {
	platformtest.Run(t, func(t *testing.T) platformtest.Harness { return farEnd{newBench(t)} })
}

// farEnd is the client and the simulated TikTok, over HTTP.
type farEnd struct{ *bench }

func (f farEnd) Platform() platform.Platform { return f.Client }
func (f farEnd) Tokens() platform.Tokens     { return f.tokens }
func (f farEnd) Settle()                     { f.settle() }

func (f farEnd) Draft() (platform.Draft, shippost.Creator) {
	creator, err := f.Creator(f.t.Context(), f.tokens)
	if err != nil {
		f.t.Fatal(err)
	}
	return platform.Draft{Caption: "Tide pools at dawn", Options: f.video(1).Options, Media: []shippost.Media{{Kind: shippost.Video, Status: shippost.MediaReady,
		Size: 1000, Type: "video/mp4", Facts: shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", Width: 1080, Height: 1920,
			FrameRate: 30, Duration: 20 * time.Second}}}}, creator
}

func (f farEnd) Break(fault platformtest.Fault) bool {
	switch fault {
	case platformtest.LoseOpen:
		f.fault(tiktoksim.Fault{Endpoint: "video_init", At: "after_effect_before_reply", Do: "reset"})
	case platformtest.LoseCommit:
		f.fault(tiktoksim.Fault{Endpoint: "upload", FinalChunk: true, At: "after_effect_before_reply", Do: "reset"})
	case platformtest.RefuseLater:
		f.knobs(func(k *tiktoksim.Knobs) { k.Processing.FailReason = "spam_risk" })
	case platformtest.RefuseTokens:
		f.tokens.access = []string{"act.dead"}
	default:
		return false
	}
	return true
}

func (f farEnd) Published() (posts []platformtest.Post) {
	for _, p := range f.sim.Posts() {
		posts = append(posts, platformtest.Post{Caption: p.Caption, SHA256: p.SHA256})
	}
	return posts
}

func (f farEnd) Effects() int { return len(f.sim.Journal(0)) }

// settle lets a minute pass for TikTok, and waits until nothing that has arrived is still worked on.
func (b *bench) settle() {
	b.t.Helper()
	b.eventually("TikTok has finished", func() bool {
		b.sim.MoveClock(10 * time.Second)
		for _, p := range b.sim.Publishes() {
			if p.Status == "PROCESSING_UPLOAD" && !p.LastByteAt.IsZero() {
				return false
			}
		}
		return true
	})
	b.sim.MoveClock(10 * time.Second)
}
