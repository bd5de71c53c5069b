package tiktoksim_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// BenchmarkHeldPuts opens 1,000 PUTs of 8 MB, sends all but the last 4 KiB of
// each, and releases the rest of all at one instant: the herd that a scheduler
// makes at a full hour. It reports when the last bytes had arrived (p50, p99,
// by last_byte_at) and when all answers were back.
func BenchmarkHeldPuts(b *testing.B) {
	const n, size, tail = 1000, 8_000_000, 4 << 10
	for b.Loop() {
		sim, err := tiktoksim.Start(tiktoksim.Options{Dir: b.TempDir(), Creators: herd(n)})
		if err != nil {
			b.Fatal(err)
		}
		body := make([]byte, size)
		puts := make([]*rawPut, n)
		for i := range puts {
			tokens, err := sim.Connect(fmt.Sprintf("herd%d", i))
			if err != nil {
				b.Fatal(err)
			}
			puts[i] = openPut(b, sim.URL, tokens.AccessToken, size)
			if _, err := puts[i].conn.Write(body[:size-tail]); err != nil {
				b.Fatal(err)
			}
		}
		look := time.NewTicker(10 * time.Millisecond)
		for received(sim) < n*(size-tail) {
			<-look.C
		}
		look.Stop()
		due := time.Now()
		var group sync.WaitGroup
		for _, p := range puts {
			group.Go(func() {
				p.conn.Write(body[:tail])
				p.answer(b)
			})
		}
		group.Wait()
		b.ReportMetric(float64(time.Since(due).Microseconds())/1000, "answered-ms")
		var late []time.Duration
		for _, p := range sim.Publishes() {
			late = append(late, p.LastByteAt.Sub(due))
		}
		slices.Sort(late)
		b.ReportMetric(float64(late[n/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(late[n*99/100].Microseconds())/1000, "p99-ms")
		if err := sim.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpload measures the way of one large chunk into the simulator.
func BenchmarkUpload(b *testing.B) {
	const size = 64 << 20
	sim, err := tiktoksim.Start(tiktoksim.Options{Dir: b.TempDir(), Knobs: func(k *tiktoksim.Knobs) {
		k.Limits.Init, k.Limits.DailyPosts = 0, 1_000_000
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	tokens, err := sim.Connect("mara.moves")
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, size)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		p := openPut(b, sim.URL, tokens.AccessToken, size)
		if _, err := p.conn.Write(body); err != nil {
			b.Fatal(err)
		}
		p.answer(b)
	}
}

func herd(n int) (list []tiktoksim.Creator) {
	for i := range n {
		list = append(list, tiktoksim.Creator{Handle: fmt.Sprintf("herd%d", i)})
	}
	return list
}

func received(sim *tiktoksim.Running) (total int64) {
	for _, p := range sim.Publishes() {
		total += p.ReceivedBytes
	}
	return total
}

// rawPut is a PUT on a bare connection, so that the client costs little.
type rawPut struct{ conn net.Conn }

func openPut(b *testing.B, base, token string, size int64) *rawPut {
	b.Helper()
	text := fmt.Sprintf(`{"post_info":{"privacy_level":"SELF_ONLY"},"source_info":{"source":"FILE_UPLOAD","video_size":%d,"chunk_size":%d,"total_chunk_count":1}}`, size, size)
	w := &world{t: b, Running: &tiktoksim.Running{URL: base}}
	a := w.api(token, videoInit, text)
	w.want(a, 200, "ok")
	u, err := url.Parse(a.Data.UploadURL)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-%d/%d\r\nContent-Length: %d\r\n\r\n",
		u.RequestURI(), u.Host, size-1, size, size)
	return &rawPut{conn}
}

func (p *rawPut) answer(b *testing.B) {
	b.Helper()
	defer p.conn.Close()
	answer := make([]byte, 1024)
	n, err := p.conn.Read(answer)
	if err != nil && err != io.EOF || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 201 ")) {
		b.Errorf("the PUT was answered %q (%v)", answer[:n], err)
	}
}
