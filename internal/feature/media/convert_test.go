package media_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// tikTokLimits are the bounds of TikTok contract 4.12, with a creator who may post a second and a half.
var tikTokLimits = func() shippost.Rules {
	bound := func(about string, least, most float64) shippost.Rule {
		return shippost.Rule{About: about, Kind: shippost.Video, Min: &least, Max: &most, Severity: shippost.Block, Fixable: true}
	}
	return shippost.Rules{bound(shippost.RuleShortSide, 360, 4096), bound(shippost.RuleLongSide, 360, 4096), bound(shippost.RuleFrameRate, 22.95, 60.05),
		bound(shippost.RuleDuration, 0, 1500), bound(shippost.RuleSize, 1, 4<<30)}
}()

// film makes a real video; args stand between two seconds of a test picture at 30 frames a second with a tone and the file's name.
func film(t testing.TB, name, size string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	all := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=30:duration=2", "-f", "lavfi", "-i", "sine=duration=2"}, args...)
	if out, err := exec.Command("ffmpeg", append(all, file)...).CombinedOutput(); err != nil {
		t.Fatalf("These tests need ffmpeg (Debian: apt install ffmpeg): %v %s", err, out)
	}
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func converting(o *media.Options) { o.FFmpeg = probe.FFmpeg() }

// TestConvert_AwkwardFilms makes real films anew that phones and editors give, and looks at the results with another program.
func TestConvert_AwkwardFilms(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db, converting)
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	x265 := []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error"}
	for _, c := range []struct {
		name, size, file string
		args             []string
		width, height    int
		rate             string
		sound            bool
	}{
		{"MOV with ProRes and PCM", "640x360", "a.mov", []string{"-c:v", "prores_ks", "-c:a", "pcm_s16le"}, 640, 360, "30/1", true},
		{"WebM with odd sides", "640x360", "a.webm", []string{"-vf", "scale=641:363,setsar=1,format=yuv420p", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"}, 642, 364, "30/1", true},
		{"a phone's variable rate", "640x360", "a.mp4", append([]string{"-vf", "select='not(mod(n,7))+mod(n,3)',settb=1/1000", "-vsync", "vfr", "-c:a", "aac"}, x264...), 640, 360, "", true},
		{"HEVC, turned", "640x360", "a.mov", append([]string{"-tag:v", "hvc1", "-c:a", "aac"}, x265...), 360, 640, "30/1", true},
		{"too many frames, no sound", "640x360", "a.mp4", append([]string{"-an", "-vf", "fps=120"}, x264...), 640, 360, "60/1", false},
		{"4K in HEVC", "3840x2160", "a.mp4", append([]string{"-t", "0.5", "-tag:v", "hvc1", "-c:a", "aac"}, x265...), 1920, 1080, "30/1", true},
		{"too small", "200x300", "a.mp4", append([]string{"-c:a", "libmp3lame"}, x264...), 360, 540, "30/1", true},
	} {
		original := film(t, c.file, c.size, c.args...)
		if strings.Contains(c.name, "turned") {
			turn(t, original)
		}
		m := mediatest.Upload(t, l, actor, "Tide pools."+c.file[2:], original)
		recipe, needed, ok := platform.MakeRecipe(tikTokLimits, m)
		if !needed || !ok {
			t.Errorf("%s: %+v is not to be converted", c.name, m.Facts)
			continue
		}
		result := convert(t, db, l, actor, m, recipe)
		stored := stored(t, l, result)
		if result.Original != m.ID || result.FileName != "Tide pools (converted).mp4" || result.Type != "video/mp4" || !result.Usable() || result.PosterKey == "" {
			t.Errorf("%s: the new file is %+v", c.name, result)
		}
		if result.SHA256 != sum(stored) || result.ReceivedSHA256 != sum(stored) || result.Size != int64(len(stored)) {
			t.Errorf("%s: the hash of the new file is not that of its bytes", c.name)
		}
		if !bytes.Equal(storedOf(t, l, actor, m.ID), original) && len(m.Removed) == 0 {
			t.Errorf("%s: the original changed", c.name)
		}
		before, seen := look(t, original), look(t, stored)
		if v := seen.video(); v.Codec != "h264" || v.Width != c.width || v.Height != c.height || v.Format != "yuv420p" || v.Rate != v.MeanRate || c.rate != "" && v.Rate != c.rate || len(v.Sides) != 0 {
			t.Errorf("%s: the picture is %+v, want %d × %d at %s", c.name, v, c.width, c.height, c.rate)
		}
		if a := seen.audio(); (a.Codec == "aac") != c.sound || (before.audio().Codec != "") != c.sound {
			t.Errorf("%s: the sound is %+v, of %+v before, want any: %v", c.name, a, before.audio(), c.sound)
		}
		if len(seen.Streams) > 2 || !startsWithIndex(stored) {
			t.Errorf("%s: more than picture and sound, or the index stands behind them: %+v", c.name, seen.Streams)
		}
		if shape, was := seen.video().shape(), m.Facts; math.Abs(shape*float64(was.Height)/float64(was.Width)-1) > 0.01 {
			t.Errorf("%s: what was %d × %d has the shape %.3f", c.name, was.Width, was.Height, shape)
		}
		if rate, even := seen.rate(); !even || rate < 23 || rate > 60.1 {
			t.Errorf("%s: %.2f frames a second, each shown as long as the others: %v", c.name, rate, even)
		}
		if d := difference(firstFrame(t, original), firstFrame(t, stored)); d > 4 {
			t.Errorf("%s: viewers see another picture: its points differ by %.1f of 255", c.name, d)
		}
		if _, again, _ := platform.MakeRecipe(tikTokLimits, result); again || result.Facts.VariableRate || result.Facts.Duration > 1500*time.Millisecond {
			t.Errorf("%s: the result does not fit either: %+v", c.name, result.Facts)
		}
	}
	if n := spooled(t, l); n != 0 {
		t.Errorf("%d files are left in the spool", n)
	}
}

// turn makes a film one that players show turned by a quarter, as phones do: the matrix in the track's header says so.
func turn(t testing.TB, p []byte) {
	t.Helper()
	at := bytes.Index(p, []byte("tkhd"))
	straight := []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}
	turned := []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0}
	if at < 0 || !bytes.Contains(p[at:at+100], straight) {
		t.Fatal("the film has no matrix")
	}
	copy(p[at+bytes.Index(p[at:], straight):], turned)
}

// convert carries a conversion out and returns the new file.
func convert(t testing.TB, db *store.DB, l *media.Library, actor shippost.Actor, m shippost.Media, r shippost.Recipe) shippost.Media {
	t.Helper()
	c, err := l.Convert(t.Context(), actor, m.ID, r)
	if err != nil {
		t.Fatalf("Convert: %v", err)
	}
	if err := l.RunConversion(t.Context(), actor.Workspace, c.ID, true); err != nil {
		t.Fatalf("RunConversion: %v", err)
	}
	if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionDone || c.Percent != 100 {
		t.Fatalf("the conversion is %+v with failure %+v, %v", c, c.Failure, err)
	}
	result, err := l.Get(t.Context(), actor, c.Result)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func storedOf(t testing.TB, l *media.Library, actor shippost.Actor, id shippost.MediaID) []byte {
	t.Helper()
	m, err := l.Get(t.Context(), actor, id)
	if err != nil {
		t.Fatal(err)
	}
	return stored(t, l, m)
}

// seen is what ffprobe says of a file.
type seen struct {
	Streams []stream
	Packets []struct {
		Type string `json:"codec_type"`
		At   string `json:"pts_time"`
	}
}

type stream struct {
	Type     string `json:"codec_type"`
	Codec    string `json:"codec_name"`
	Width    int
	Height   int
	Format   string `json:"pix_fmt"`
	Rate     string `json:"r_frame_rate"`
	MeanRate string `json:"avg_frame_rate"`
	Pixel    string `json:"sample_aspect_ratio"` // "1:1", or "" where nothing is said
	Sides    []any  `json:"side_data_list"`      // a rotation would be here
}

func (s seen) of(kind string) stream {
	for _, x := range s.Streams {
		if x.Type == kind {
			return x
		}
	}
	return stream{}
}

func (s seen) video() stream { return s.of("video") }
func (s seen) audio() stream { return s.of("audio") }

// shape is the width of a picture as it is shown, over its height; 0 where its points are not square.
func (s stream) shape() float64 {
	if s.Pixel != "" && s.Pixel != "1:1" {
		return 0
	}
	return float64(s.Width) / float64(s.Height)
}

// rate is how many frames are shown in a second, by their own times, and whether each is shown as long as the others.
func (s seen) rate() (perSecond float64, even bool) {
	var times []float64
	for _, p := range s.Packets {
		if at, err := strconv.ParseFloat(p.At, 64); err == nil && p.Type == "video" {
			times = append(times, at)
		}
	}
	slices.Sort(times) // they are kept in the order of decoding
	if len(times) < 3 {
		return 0, false
	}
	step := (times[len(times)-1] - times[0]) / float64(len(times)-1)
	for i, at := range times {
		if math.Abs(at-times[0]-float64(i)*step) > 0.001 {
			return 1 / step, false
		}
	}
	return 1 / step, true
}

// startsWithIndex reports whether an MP4 file can be shown while it is still being fetched: "moov" stands before "mdat".
func startsWithIndex(p []byte) bool {
	for len(p) >= 8 {
		size := uint64(binary.BigEndian.Uint32(p))
		switch string(p[4:8]) {
		case "moov":
			return true
		case "mdat":
			return false
		}
		if size < 8 || size > uint64(len(p)) {
			return false
		}
		p = p[size:]
	}
	return false
}

// firstFrame is the first picture of a film as a player shows it, upright, drawn very small and in grey.
func firstFrame(t testing.TB, p []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(file, p, 0o600); err != nil {
		t.Fatal(err)
	}
	frame, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", file, "-frames:v", "1", "-vf", "scale=16:16:flags=area", "-pix_fmt", "gray", "-f", "rawvideo", "-").Output()
	if err != nil || len(frame) != 16*16 {
		t.Fatalf("ffmpeg: %v, %d bytes", err, len(frame))
	}
	return frame
}

// difference is by how much the points of two pictures differ, on average.
func difference(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Abs(float64(a[i]) - float64(b[i]))
	}
	return sum / float64(len(a))
}

func look(t testing.TB, p []byte) (s seen) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "result.mp4")
	if err := os.WriteFile(file, p, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", file).Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("ffprobe: %v %s", err, out)
	}
	return s
}

var plainRecipe = shippost.Recipe{Width: 640, Height: 360, FrameRate: 30, MaxSize: 4 << 30, Changes: []string{"saved as MP4"}}

func TestConvert_CancelledWhileItRuns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		l := mediatest.Open(t, db, converting)
		// Far longer than any test: only the cancellation ends it.
		m := mediatest.Upload(t, l, actor, "long.mp4", film(t, "long.mp4", "640x360", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-an"))
		r := plainRecipe
		r.Width, r.Height, r.FrameRate = 3840, 2160, 2000
		c, err := l.Convert(t.Context(), actor, m.ID, r)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- l.RunConversion(t.Context(), actor.Workspace, c.ID, true) }()
		for running := false; !running; {
			now, err := l.Conversion(t.Context(), actor, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			running = now.Status == shippost.ConversionRunning
		}
		if _, err := l.CancelConversion(t.Context(), actor, c.ID); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the job failed: %v", err)
		}
		if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionCancelled {
			t.Errorf("the conversion is %s, %v", c.Status, err)
		}
		if _, err := l.CancelConversion(t.Context(), actor, c.ID); !shippost.IsCode(err, "conversion_ended") {
			t.Errorf("cancelled twice: %v", err)
		}
		if _, err := l.Get(t.Context(), actor, c.Result); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("the new file: %v", err)
		}
		if n := spooled(t, l); n != 0 {
			t.Errorf("%d files are left in the spool", n)
		}
	})
}

// heldBucket waits before it takes a file over, as a node that stands still does.
type heldBucket struct {
	blob.Bucket
	reached, goOn chan struct{}
}

func (b heldBucket) Adopt(ctx context.Context, key, path string) (blob.Info, error) {
	close(b.reached)
	<-b.goOn
	return b.Bucket.Adopt(ctx, key, path)
}

// A node that stood still at the end of its run, while another one made the same video, leaves that one's file alone.
func TestConvert_OnANodeThatStoodStill(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		still, other := mediatest.Open(t, db, converting), mediatest.Open(t, db, converting)
		other.Bucket = still.Bucket // nodes share what is stored, and have spools of their own
		m := mediatest.Upload(t, still, actor, "a.mov", video(t, ""))
		c, err := still.Convert(t.Context(), actor, m.ID, plainRecipe)
		if err != nil {
			t.Fatal(err)
		}
		held := heldBucket{still.Bucket, make(chan struct{}), make(chan struct{})}
		still.Bucket = held
		ended := make(chan error, 1)
		go func() { ended <- still.RunConversion(t.Context(), actor.Workspace, c.ID, false) }()
		<-held.reached
		if err := other.RunConversion(t.Context(), actor.Workspace, c.ID, false); err != nil {
			t.Fatal(err)
		}
		close(held.goOn)
		if err := <-ended; err != nil {
			t.Errorf("the run that was late: %v", err)
		}
		if c, err = other.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionDone {
			t.Fatalf("the conversion is %+v, %v", c, err)
		}
		result, err := other.Get(t.Context(), actor, c.Result)
		if err != nil || !result.Usable() || result.SHA256 != sum(stored(t, other, result)) {
			t.Errorf("the result is %+v, %v", result, err)
		}
		for info, err := range other.Bucket.List(t.Context(), "media") {
			if err != nil || info.Key != m.BlobKey && info.Key != result.BlobKey {
				t.Errorf("%s is left in the bucket, %v", info.Key, err)
			}
		}
		if n := spooled(t, still) + spooled(t, other); n != 0 {
			t.Errorf("%d files are left in the spools", n)
		}
	})
}

// A run that was cut off at any point is simply done again.
func TestConvert_AfterACrash(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	dir := t.TempDir()
	l := mediatest.OpenIn(t, db, dir, converting)
	m := mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
	c, err := l.Convert(t.Context(), actor, m.ID, plainRecipe)
	if err != nil {
		t.Fatal(err)
	}
	// What the dead process left: a conversion that says it runs, half a result in the spool, and a whole one in the bucket.
	storetest.Update(t, db, func(tx *store.Tx) error {
		running := c
		running.Status, running.Percent = shippost.ConversionRunning, 40
		_, err := tx.SaveConversion(t.Context(), running, c)
		return err
	})
	if err := l.Spool.Create(string(c.Result)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Bucket.Put(t.Context(), "media/"+string(c.Result), strings.NewReader("of the run before")); err != nil {
		t.Fatal(err)
	}
	l = mediatest.OpenIn(t, db, dir, converting)
	if err := l.RunConversion(t.Context(), actor.Workspace, c.ID, false); err != nil {
		t.Fatal(err)
	}
	before := c.Result
	if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Result == before {
		t.Fatalf("the next run makes the same file: %+v, %v", c, err)
	}
	if _, err := l.Bucket.Stat(t.Context(), "media/"+string(before)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the dead run left: %v", err)
	}
	result, err := l.Get(t.Context(), actor, c.Result)
	if err != nil || !result.Usable() || result.SHA256 != sum(stored(t, l, result)) {
		t.Errorf("the result is %+v, %v", result, err)
	}
	if again, err := l.Convert(t.Context(), actor, m.ID, plainRecipe); err != nil || again.ID != c.ID {
		t.Errorf("the same conversion was begun anew: %+v, %v", again, err)
	}
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(t.Context(), result); err != nil {
		t.Errorf("after a sweep: %v", err)
	}
}

func TestConvert_Refused(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	dir := t.TempDir()
	var free int64 = 100 << 30
	space := func(o *media.Options) {
		o.Space = func() (int64, int64, error) { return free, 100 << 30, nil }
	}
	l := mediatest.OpenIn(t, db, dir, converting, space)
	m := mediatest.Upload(t, l, actor, "a.mov", video(t, ""))
	photo := mediatest.Upload(t, l, actor, "a.png", photo(t, 400, 400))
	viewer := actor
	viewer.Role = shippost.Viewer
	stranger := storetest.Workspace(t, db)
	for name, c := range map[string]struct {
		library *media.Library
		actor   shippost.Actor
		file    shippost.MediaID
		code    string
	}{
		"no ffmpeg":         {mediatest.OpenIn(t, db, dir, space), actor, m.ID, "conversion_unavailable"},
		"a photo":           {l, actor, photo.ID, "not_convertible"},
		"a viewer":          {l, viewer, m.ID, "not_allowed"},
		"another workspace": {l, stranger, m.ID, "media_not_found"},
		"full quota":        {mediatest.OpenIn(t, db, dir, converting, space, func(o *media.Options) { o.Quota = m.Size + 1 }), actor, m.ID, "storage_quota_full"},
	} {
		if _, err := c.library.Convert(t.Context(), c.actor, c.file, plainRecipe); !shippost.IsCode(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	free = 1 << 30
	if _, err := l.Convert(t.Context(), actor, m.ID, plainRecipe); !shippost.IsCode(err, "disk_full") {
		t.Errorf("full disk: %v", err)
	}
	// A disk that fills up before the turn has come, and an original that is not the same any more.
	free = 100 << 30
	c, err := l.Convert(t.Context(), actor, m.ID, plainRecipe)
	if err != nil {
		t.Fatal(err)
	}
	free = 1 << 30
	if err := l.RunConversion(t.Context(), actor.Workspace, c.ID, false); err != nil {
		t.Fatal(err)
	}
	if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionFailed || c.Failure.Code != "disk_full" {
		t.Errorf("after the disk filled: %+v, %v", c, err)
	}
	free = 100 << 30
	if c, err = l.Convert(t.Context(), actor, m.ID, plainRecipe); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Bucket.Put(t.Context(), m.BlobKey, bytes.NewReader(make([]byte, m.Size))); err != nil {
		t.Fatal(err)
	}
	l = mediatest.OpenIn(t, db, dir, converting, space)
	if err := l.RunConversion(t.Context(), actor.Workspace, c.ID, false); err != nil {
		t.Fatal(err)
	}
	if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionFailed || c.Failure.Code != "media_changed" {
		t.Errorf("of a changed original: %+v, %v", c, err)
	}
}

// A film whose index promises more than there is must not become a short one silently.
func TestConvert_DamagedFilm(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	l := mediatest.Open(t, db, converting)
	p := film(t, "a.mp4", "640x360", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-an", "-movflags", "+faststart")
	for i := len(p) / 4; i < len(p); i++ {
		p[i] = byte(i * 31)
	}
	m := mediatest.Upload(t, l, actor, "a.mp4", p)
	if m.Status != shippost.MediaReady {
		t.Fatalf("the check reads headers only, and yet: %+v", m.Problems)
	}
	c, err := l.Convert(t.Context(), actor, m.ID, plainRecipe)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.RunConversion(t.Context(), actor.Workspace, c.ID, true); err != nil {
		t.Fatal(err)
	}
	if c, err = l.Conversion(t.Context(), actor, c.ID); err != nil || c.Status != shippost.ConversionFailed || c.Failure == nil || c.Failure.Message == "" {
		t.Errorf("the conversion is %+v, %v", c, err)
	}
}
