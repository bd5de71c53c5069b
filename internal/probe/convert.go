package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"ship-post.com/shippost"
)

// The limits of the child that makes a video anew, and what it aims at.
const (
	convertMemory    = 3 << 30 // of address space; 4K takes about one gigabyte
	convertProcessor = 4 * time.Hour
	bestBitrate      = 12_000_000 // bits per second, more than platforms keep
	soundBitrate     = 160_000
)

// Convert makes a video anew by a recipe: MP4 with H.264 and AAC, upright, at a constant frame rate, without metadata. in is
// a video that Probe accepted and described with facts; out is an empty file of ours that takes the result. ffmpeg runs as a
// child that is given these two files and no others, has no network where the system allows that, gives way to all other work,
// and is limited in memory, time and output. report hears how much of the length is done; it must return quickly. After an error the
// content of out is worth nothing. A video that cannot be read to its end is an error that Flaw recognises.
func Convert(ctx context.Context, ffmpeg string, in, out *os.File, facts shippost.MediaFacts, r shippost.Recipe, report func(done time.Duration)) error {
	length := facts.Duration
	if r.Length > 0 {
		length = min(length, r.Length)
	}
	complaint := &capped{limit: 64 << 10}
	progress := &progressReader{report: report}
	err := runConfined(allowance{memory: convertMemory, processor: convertProcessor, file: r.MaxSize, patient: true}, func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, ffmpeg, convertArgs(facts, r, length)...)
		cmd.Env = []string{"LC_ALL=C"}
		cmd.WaitDelay = time.Second
		cmd.ExtraFiles = []*os.File{in, out} // descriptors 3 and 4
		cmd.Stdout, cmd.Stderr = progress, lenient{complaint}
		return cmd
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w: %.300s", flawf("conversion_failed", "This video could not be made anew. Export it again as MP4 with H.264, then upload it."), err, complaint.Bytes())
	case progress.done < length-max(time.Second, length/20):
		return flawf("conversion_cut_short", "This video can be read up to %s only. Export it again, then upload it.", progress.done.Round(time.Second))
	}
	return nil
}

func convertArgs(facts shippost.MediaFacts, r shippost.Recipe, length time.Duration) []string {
	reader := "mov"
	if facts.Container == "webm" {
		reader = "matroska"
	}
	threads := strconv.Itoa(max(1, runtime.NumCPU()-1)) // one processor stays free for posts that are due
	bitrate := int64(bestBitrate)
	if r.MaxSize > 0 && length > 0 {
		bitrate = min(bitrate, int64(float64(r.MaxSize)*8*0.9/length.Seconds())-soundBitrate)
	}
	args := []string{"-nostdin", "-hide_banner", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.5", "-threads", threads,
		"-protocol_whitelist", "file,pipe", "-f", reader, "-i", "file:/dev/fd/3",
		"-map", "0:v:0", "-map", "0:a:0?", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
		"-vf", fmt.Sprintf("fps=%s,scale=%d:%d:flags=bicubic,setsar=1,format=yuv420p", strconv.FormatFloat(r.FrameRate, 'f', 5, 64), r.Width, r.Height)}
	if r.Length > 0 {
		args = append(args, "-t", strconv.FormatFloat(r.Length.Seconds(), 'f', 3, 64))
	}
	return append(args, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high",
		"-maxrate", strconv.FormatInt(max(bitrate, 100_000), 10), "-bufsize", strconv.FormatInt(2*max(bitrate, 100_000), 10), "-threads", threads,
		"-c:a", "aac", "-b:a", strconv.Itoa(soundBitrate), "-ac", "2", "-ar", "48000",
		"-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", "-y", "file:/dev/fd/4")
}

// lenient drops what does not fit instead of ending the child: a damaged video makes many complaints.
type lenient struct{ *capped }

func (l lenient) Write(p []byte) (int, error) {
	if room := l.limit - l.Len(); room > 0 {
		_, _ = l.Buffer.Write(p[:min(room, len(p))]) // a buffer in memory takes it
	}
	return len(p), nil
}

var _ io.Writer = lenient{}

// progressReader understands what ffmpeg tells about its progress: lines like out_time_us=1500000.
type progressReader struct {
	rest   []byte
	done   time.Duration
	report func(time.Duration)
}

// errBabble ends a child that tells something else.
var errBabble = errors.New("no line of progress")

func (p *progressReader) Write(data []byte) (int, error) {
	p.rest = append(p.rest, data...)
	for {
		line, rest, ok := bytes.Cut(p.rest, []byte("\n"))
		if !ok {
			break
		}
		p.rest = rest
		if value, ok := bytes.CutPrefix(line, []byte("out_time_us=")); ok {
			if us, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil && us > 0 {
				p.done = time.Duration(us) * time.Microsecond
				p.report(p.done)
			}
		}
	}
	if len(p.rest) > 4<<10 {
		return 0, errBabble
	}
	return len(data), nil
}
