package e2e

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestPromise_P01_VideosArriveAsTheyWereChosen publishes what cameras, phones and editors make. TikTok gets the bytes that the creator chose, but for where
// they were filmed.
func TestPromise_P01_VideosArriveAsTheyWereChosen(t *testing.T) {
	t.Parallel()
	const place = "+47.3769+008.5417"
	picture := func(size string) []string {
		return []string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=30:duration=3"}
	}
	sound := []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=3"}
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	w := begin(t)
	for _, c := range []struct {
		name, file string
		ffmpeg     []string
		facts      string // what ShipPost finds
		trace      string // of the place in the file, "" for none
	}{
		{"MP4 of an editor", "a.mp4", join(picture("720x1280"), sound, h264, []string{"-c:a", "aac", "-movflags", "+faststart"}), `"container":"mp4","video_codec":"h264","audio_codec":"aac"`, ""},
		{"WebM of a browser", "b.webm", join(picture("360x640"), sound, []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"}), `"container":"webm","video_codec":"vp8","audio_codec":"opus"`, ""},
		{"WebM with VP9", "c.webm", join(picture("360x640"), sound, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"}), `"container":"webm","video_codec":"vp9","audio_codec":"opus"`, ""},
		{"MOV with HEVC", "d.mov", join(picture("720x1280"), sound, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-c:a", "aac"}), `"container":"mov","video_codec":"h265","audio_codec":"aac"`, ""},
		{"phone video, turned, with its place", "e.mov", join(picture("1280x720"), sound, h264, []string{"-c:a", "aac", "-movflags", "use_metadata_tags",
			"-metadata", "com.apple.quicktime.location.ISO6709=" + place + "+408/", "-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone 17 Pro"}),
			`"width":720,"height":1280`, place},
		{"camera video with its place", "f.mov", join(picture("360x640"), sound, h264, []string{"-c:a", "aac", "-metadata", "location=" + place + "/"}), `"container":"mov"`, place},
		{"MP4 with its place in numbers", "i.mp4", join(picture("360x640"), sound, h264, []string{"-c:a", "aac", "-metadata", "location=" + place + "/"}), `"container":"mp4"`, "loci"},
		{"4K", "g.mp4", join(picture("3840x2160"), sound, h264, []string{"-c:a", "aac"}), `"width":3840,"height":2160`, ""},
		{"without sound", "h.mp4", join(picture("360x640"), h264), `"container":"mp4","video_codec":"h264","duration_ms":3000`, ""},
	} {
		p := w.formatsPerson(t, c.file)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), c.file)
			must(t, ffmpeg(append(c.ffmpeg, path)...))
			if strings.HasPrefix(c.name, "phone") {
				must(t, turn(path))
			}
			original, err := os.ReadFile(path)
			must(t, err)
			m, err := p.upload(t.Context(), path)
			must(t, err)
			about := p.about(t, m.ID)
			if !strings.Contains(about, c.facts) || !strings.Contains(about, `"received_sha256":"`+sumOf(t, path)) {
				t.Errorf("the file is %s; want %s", about, c.facts)
			}
			post, err := p.CreatePost(t.Context(), p.draft(m.ID, 2*time.Second), "")
			must(t, err)
			_, err = p.until(t.Context(), post.ID, "posted")
			must(t, err)
			seen := w.publishedBy(t, p.handle)
			same := bytes.Equal(seen, original)
			switch {
			case !bytes.Contains(original, []byte(c.trace)):
				t.Error("the sample does not say where it was filmed")
			case c.trace != "" && (same || len(seen) != len(original) || bytes.Contains(seen, []byte(c.trace)) || !strings.Contains(about, `"removed":["`)):
				t.Errorf("the place is not taken out cleanly: %d bytes of %d, %s", len(seen), len(original), about)
			case c.trace == "" && !same:
				t.Error("viewers get other bytes than the creator chose")
			}
		})
	}
}

// turn makes a video one that was filmed upright: players turn it by the matrix of its first track.
func turn(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := bytes.Index(b, []byte("tkhd"))
	if at < 0 {
		return errors.New("no track in " + path)
	}
	const height = 720
	matrix := make([]byte, 0, 36)
	for _, n := range []uint32{0, 1 << 16, 0, 0xffff0000, 0, 0, height << 16, 0, 1 << 30} {
		matrix = binary.BigEndian.AppendUint32(matrix, n)
	}
	copy(b[at+44:], matrix)
	return os.WriteFile(path, b, 0o600)
}

// formatsPerson signs in a creator of that name.
func (w *world) formatsPerson(t *testing.T, file string) *person {
	t.Helper()
	handle := "films." + strings.TrimSuffix(file, filepath.Ext(file))
	must(t, w.sim.PutCreator(tiktoksim.Creator{Handle: handle}))
	return w.creator(t, handle)
}

// about is what the API says about a file.
func (p *person) about(t *testing.T, media string) string {
	t.Helper()
	resp, err := p.browser.Get(p.world.url + "/api/v1/media/" + media)
	must(t, err)
	defer resp.Body.Close()
	var all json.RawMessage
	must(t, json.NewDecoder(resp.Body).Decode(&all))
	return string(all)
}

// publishedBy returns the video that viewers of a creator's one post get.
func (w *world) publishedBy(t *testing.T, handle string) []byte {
	t.Helper()
	for _, p := range w.sim.Posts() {
		if p.Creator != handle {
			continue
		}
		resp, err := emptyBrowser().Get(w.sim.URL + "/media/" + p.PostID + "-0")
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return b
	}
	t.Fatalf("%s has no post", handle)
	return nil
}
