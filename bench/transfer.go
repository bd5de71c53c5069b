package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"ship-post.com/shippost/client"
)

// measureTransfer moves a large file into the product and on to TikTok, and measures time and memory.
func measureTransfer(ctx context.Context, b *bench) (_ []line, err error) {
	size := pick[int64](b, 500_000_000, 1_000_000_000)
	s, err := b.newStage(ctx, "transfer", 2)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	file, err := b.video(ctx, size, 1)
	if err != nil {
		return nil, err
	}
	plain, err := b.plainUpload(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("plain upload: %w", err)
	}
	up, err := s.measureUpload(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	bare, err := s.barePut(ctx, file, size)
	if err != nil {
		return nil, fmt.Errorf("bare PUT: %w", err)
	}
	out, err := s.measurePublishing(ctx, up.media, size)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	speed := func(d time.Duration) string { return fmt.Sprintf("%.0f MB/s", float64(size)/1e6/d.Seconds()) }
	return []line{
		{"uploading " + amount(size) + " (tus)", "≥ 0.8 × io.Copy", speed(up.took), speed(plain) + " (io.Copy to disk with fsync)", times(plain, up.took)},
		{"– memory for it", "≤ +32 MiB", "+" + mib(up.memory), "", ""},
		{"– until it is checked and ready", "", up.ready.Round(time.Millisecond).String(), "", ""},
		{"publishing " + amount(size), "≥ 0.8 × bare PUT", speed(out.took), speed(bare) + " (bare PUT from disk)", times(bare, out.took)},
		{"– memory for it", "≤ +32 MiB", "+" + mib(out.memory), "", ""},
		{"– from “now” to the last byte", "", out.ready.Round(time.Millisecond).String(), "", ""},
	}, nil
}

// moved is how a file was moved.
type moved struct {
	media  string
	took   time.Duration // for the bytes
	ready  time.Duration // until nothing was left to do
	memory int64         // at most, above what the process had before
}

// watch returns how much more memory the product took at most while fn ran.
func (s *stage) watch(fn func() error) (int64, error) {
	before, _, err := s.product.memory()
	if err != nil {
		return 0, err
	}
	if err := s.product.forgetPeak(); err != nil {
		return 0, err
	}
	if err := fn(); err != nil {
		return 0, err
	}
	_, peak, err := s.product.memory()
	return max(peak-before, 0), err
}

func (s *stage) measureUpload(ctx context.Context, file string) (m moved, err error) {
	began := time.Now()
	m.memory, err = s.watch(func() error {
		up, err := s.api.UploadFile(ctx, file, nil)
		if err != nil {
			return err
		}
		m.media, m.took = up.ID, time.Since(began)
		_, err = s.api.WaitMedia(ctx, m.media)
		m.ready = time.Since(began)
		return err
	})
	return m, err
}

// measurePublishing publishes a file at once. What the bytes took is seen by the simulator: from init to the last of them.
func (s *stage) measurePublishing(ctx context.Context, media string, size int64) (m moved, err error) {
	const caption = "the large file"
	m.memory, err = s.watch(func() error {
		_, err := s.api.CreatePost(ctx, post(s.accounts[0].ID, media, caption, time.Now()), "")
		if err != nil {
			return err
		}
		for {
			open, err := s.api.Posts(ctx, client.PostQuery{Status: "queued,publishing"})
			if err != nil || len(open) == 0 {
				return err
			}
			if err := sleep(ctx, time.Second); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return m, err
	}
	var seen []published
	if err := s.control(ctx, http.MethodGet, "/_sim/posts", nil, &seen); err != nil {
		return m, err
	}
	posts, err := s.api.Posts(ctx, client.PostQuery{})
	if err != nil {
		return m, err
	}
	for _, p := range seen {
		if p.Caption == caption && p.Size == size && len(posts) == 1 {
			m.took, m.ready = p.LastByteAt.Sub(p.FirstInitAt), p.LastByteAt.Sub(posts[0].DueAt)
			return m, nil
		}
	}
	return m, errors.New("the simulator has not published it")
}

// plainUpload is the least that an upload needs: the same request, copied to disk and synced.
func (b *bench) plainUpload(ctx context.Context, file string) (took time.Duration, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := copyToDisk(filepath.Join(b.dir, "plain"), r.Body); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	defer func() {
		_ = server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		err = errors.Join(err, os.Remove(filepath.Join(b.dir, "plain")))
	}()
	began := time.Now()
	err = putFile(ctx, "http://"+ln.Addr().String(), file, nil)
	return time.Since(began), err
}

func copyToDisk(path string, body io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, body)
	return errors.Join(err, file.Sync(), file.Close())
}

// putFile sends a file with one request.
func putFile(ctx context.Context, address, file string, header http.Header) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return putPart(ctx, address, io.NopCloser(f), info.Size(), header)
}

func putPart(ctx context.Context, address string, body io.Reader, size int64, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	for name, values := range header {
		req.Header[name] = values
	}
	return do(http.DefaultClient, req, nil)
}

// barePut sends the file to the simulator in chunks of the same size as the product, straight from disk.
func (s *stage) barePut(ctx context.Context, file string, size int64) (took time.Duration, err error) {
	const chunk = 64_000_000
	token, err := s.bareToken(ctx, "bare")
	if err != nil {
		return 0, err
	}
	began := time.Now()
	address, err := s.bareInit(ctx, token, size, chunk)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for from, count := int64(0), max(size/chunk, 1); count > 0; count-- {
		to := from + chunk
		if count == 1 {
			to = size
		}
		header := http.Header{"Content-Type": {"video/mp4"}, "Content-Range": {fmt.Sprintf("bytes %d-%d/%d", from, to-1, size)}}
		if err := putPart(ctx, address, io.NewSectionReader(f, from, to-from), to-from, header); err != nil {
			return 0, err
		}
		from = to
	}
	return time.Since(began), nil
}

// measureSize publishes a large and a small file at one instant, some times.
func measureSize(ctx context.Context, b *bench) (_ []line, err error) {
	const large, small = 2_000_000_000, 2_000_000
	rounds := pick(b, 1, 5)
	s, err := b.newStage(ctx, "size", 2)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var media []string
	for _, size := range []int64{large, small} {
		ids, err := s.videos(ctx, size, 1)
		if err != nil {
			return nil, err
		}
		media = append(media, ids...)
	}
	late := map[string]spread{}
	idle, _, err := s.product.memory()
	if err != nil {
		return nil, err
	}
	if err := s.product.forgetPeak(); err != nil {
		return nil, err
	}
	for round := range rounds {
		due := time.Now().Add(time.Minute).Truncate(time.Second)
		for i, id := range media {
			if _, err := s.api.CreatePost(ctx, post(s.accounts[i].ID, id, fmt.Sprintf("%d in round %d", i, round), due), ""); err != nil {
				return nil, err
			}
		}
		if err := sleep(ctx, time.Until(due)+5*time.Second); err != nil {
			return nil, err
		}
		posts, err := s.waitEnded(ctx, due, 5*time.Minute)
		if err != nil {
			return nil, err
		}
		for _, p := range posts {
			if p.Status != "posted" {
				return nil, fmt.Errorf("a post ended as %s: %+v", p.Status, p.Failure)
			}
			late[p.MediaIDs[0]] = append(late[p.MediaIDs[0]], p.CommittedAt.Sub(due))
		}
	}
	_, peak, err := s.product.memory()
	if err != nil {
		return nil, err
	}
	big, little := late[media[0]], late[media[1]]
	return []line{{fmt.Sprintf("a video of %s against one of %s, %d times: sent − due", amount(large), amount(small), rounds), "within 100 ms",
		fmt.Sprintf("median %s, max %s", ms(big.at(0.5)), ms(big.at(1))), fmt.Sprintf("median %s, max %s (the small one)", ms(little.at(0.5)), ms(little.at(1))),
		ms(big.at(1)-little.at(0)) + " apart at most"},
		{"– memory at most", "", mib(peak), mib(idle) + " before", ""}}, nil
}
