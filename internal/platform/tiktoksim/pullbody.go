package tiktoksim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// get downloads the file from its beginning.
func (f *fetch) get() verdict {
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		f.s.log.Error("store pull", "err", err)
		return verdict{fatal: "the simulator cannot store the bytes"}
	}
	defer out.Close()
	d := &download{fetch: f, out: out, sum: sha256.New(), total: -1}
	defer func() {
		if !f.done {
			f.p.downloaded.Add(-d.got) // what was dropped is fetched again
		}
	}()
	for {
		v, more := d.request()
		if !v.done {
			return v
		}
		if !more {
			break
		}
	}
	f.done = true
	f.file = file{path: f.path, sha256: hex.EncodeToString(d.sum.Sum(nil)), size: d.got, kind: d.kind, lastByte: d.last.Round(0).UTC()}
	return verdict{done: true}
}

// download is one attempt at a whole file, in one request or in ranges.
type download struct {
	*fetch
	out   *os.File
	sum   hash.Hash
	got   int64
	total int64 // -1 until a ranged answer tells
	last  time.Time
	kind  string
}

// request makes one GET and stores its body; more tells that ranges are left.
func (d *download) request() (v verdict, more bool) {
	ctx, cancel := context.WithTimeout(d.ctx, time.Duration(d.k.Pull.RequestTimeout))
	defer cancel()
	span := ""
	if n := d.k.Pull.RangeBytes; n > 0 {
		span = fmt.Sprintf("bytes=%d-%d", d.got, d.got+n-1)
	}
	resp, err := d.fetch.request(ctx, http.MethodGet, span)
	if err != nil {
		return d.note(http.MethodGet, 0, 0, err), false
	}
	defer resp.Body.Close()
	if v := d.judge(resp); !v.done {
		d.note(http.MethodGet, resp.StatusCode, 0, nil)
		return v, false
	}
	if d.kind == "" {
		d.kind = resp.Header.Get("Content-Type")
	}
	if resp.StatusCode == http.StatusPartialContent {
		if d.total = rangeTotal(resp.Header.Get("Content-Range"), d.got); d.total < 0 {
			return d.note(http.MethodGet, resp.StatusCode, 0, errors.New("the ranged answer is not the range asked for")), false
		}
	} else if d.got > 0 {
		return d.note(http.MethodGet, resp.StatusCode, 0, errors.New("ranges stopped working midway")), false
	}
	before := d.got
	err = d.copy(resp.Body)
	v = d.note(http.MethodGet, resp.StatusCode, d.got-before, err)
	if errors.Is(err, errCut) {
		v.free = true
	}
	if err != nil {
		return v, false
	}
	return verdict{done: true}, resp.StatusCode == http.StatusPartialContent && d.got < d.total && d.got > before
}

// rangeTotal reads "bytes first-last/total" and checks that it begins where
// asked; -1 means it does not.
func rangeTotal(text string, first int64) int64 {
	rest, ok := strings.CutPrefix(text, fmt.Sprintf("bytes %d-", first))
	_, total, ok2 := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(total, 10, 64)
	if !ok || !ok2 || err != nil || n <= first {
		return -1
	}
	return n
}

// copy stores a body, at the knob's speed and through the knob's cuts. It
// stops early once the file is too large for any rule.
func (d *download) copy(body io.Reader) error {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	limit := d.k.Media.VideoBytes
	if d.p.kind == "photo" {
		limit = d.k.Media.PhotoBytes
	}
	cut := int64(-1)
	if d.cuts < d.k.Pull.CutTimes {
		cut = d.k.Pull.CutAfterBytes
	}
	for {
		n, err := body.Read(buf[:])
		if n > 0 {
			d.last = time.Now()
			d.sum.Write(buf[:n])
			if _, err := d.out.WriteAt(buf[:n], d.got); err != nil {
				d.s.log.Error("store pull", "err", err)
				return errors.New("the simulator cannot store the bytes")
			}
			d.got += int64(n)
			d.p.downloaded.Add(int64(n))
		}
		switch {
		case cut >= 0 && d.got >= cut:
			d.cuts++
			return errCut
		case err == io.EOF || d.k.Rules.MediaBytes && d.got > limit:
			return nil
		case err != nil:
			return err
		}
		d.pace(n)
	}
}

// pace sleeps (in real time) as long as n bytes may take.
func (d *download) pace(n int) {
	if d.k.Pull.BytesPerSecond <= 0 {
		return
	}
	t := time.NewTimer(time.Duration(float64(n) / float64(d.k.Pull.BytesPerSecond) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-d.ctx.Done():
	}
}
