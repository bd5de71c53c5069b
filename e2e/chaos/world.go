package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// setup says what a world is made of.
type setup struct {
	name     string
	database string // "" for SQLite, else the address of an empty PostgreSQL database
	nodes    int
	proxied  bool // a fault proxy stands between ShipPost and the simulator
	clocks   bool // the clocks of nodes can be set
	people   int
	seed     uint64
}

// world is one simulated TikTok and one ShipPost, all of it in processes of their own.
type world struct {
	setup
	binary, folder string
	publicURL      string // of ShipPost
	databaseURL    string
	simURL, wayURL string // of the simulator, directly and as ShipPost reaches it
	clientKey      string
	clientSecret   string

	sim    *process
	photos *photoHost
	simWeb *http.Client
	way    *proxy
	nodes  []*node
	people []*person
	next   int // the person whose turn it is
	rand   *rand.Rand
	clips  clips
	posts  []*story // all posts of all rounds
	log    func(format string, args ...any)

	mu       sync.Mutex
	acks     []ack
	settings []setting // of the nodes' clocks
}

// person is a creator with a workspace of their own.
type person struct {
	handle  string
	api     *client.Client
	key     string
	account string
	home    *http.Transport // a network of their own, since sign-ins are counted by network
}

// open makes a world with everybody signed in and nothing planned. close ends it.
func open(ctx context.Context, s setup, binary, folder string, clips clips, log func(string, ...any)) (_ *world, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	w := &world{setup: s, binary: binary, folder: folder, databaseURL: s.database, clips: clips, log: log,
		rand: rand.New(rand.NewPCG(s.seed, 1)), simWeb: &http.Client{Timeout: 30 * time.Second},
		clientKey: tiktoksim.DefaultClientKey, clientSecret: tiktoksim.DefaultClientSecret}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for i := range s.nodes {
		n := &node{w: w, name: fmt.Sprintf("%c", 'a'+i)}
		n.folder = filepath.Join(folder, n.name)
		if err := os.MkdirAll(n.folder, 0o700); err != nil {
			return nil, err
		}
		if n.port, err = freePort(); err != nil {
			return nil, err
		}
		w.nodes = append(w.nodes, n)
		if s.clocks {
			if err := w.setClock(n, 0); err != nil {
				return nil, err
			}
		}
	}
	w.publicURL = fmt.Sprintf("http://localhost:%d", w.nodes[0].port)
	if err := w.startSimulator(ctx); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	for _, n := range w.nodes {
		if err := n.run(ctx); err != nil {
			return nil, err
		}
		select {
		case <-n.ready():
		case <-time.After(30 * time.Second):
			return nil, fmt.Errorf("node %s does not start; see %s", n.name, filepath.Join(n.folder, "log"))
		}
	}
	for i := range s.people {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i), 1)}}
		p := &person{handle: fmt.Sprintf("creator%02d", i), home: &http.Transport{DialContext: dialer.DialContext}}
		if err := w.control(ctx, http.MethodPost, "/_sim/creators", map[string]any{"handle": p.handle, "nickname": p.handle}, nil); err != nil {
			return nil, err
		}
		if err := w.signIn(ctx, p); err != nil {
			return nil, err
		}
		w.people = append(w.people, p)
	}
	return w, nil
}

// startSimulator starts the simulated TikTok with all of its rules on. It only thinks faster than the real one.
func (w *world) startSimulator(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	w.simURL = fmt.Sprintf("http://127.0.0.1:%d", port)
	w.wayURL = w.simURL
	if w.proxied {
		if w.way, err = newProxy(fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			return err
		}
		w.wayURL = "http://" + w.way.address()
	}
	if w.photos, err = w.newPhotoHost(filepath.Join(w.folder, "photos.pem")); err != nil {
		return fmt.Errorf("host of photos: %w", err)
	}
	args := []string{"simulate", "tiktok", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--public-url", w.wayURL,
		"--redirect", w.publicURL + "/callback/tiktok", "--seed", fmt.Sprint(w.seed)}
	w.sim, err = start(filepath.Join(w.folder, "simulator.log"), []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.folder, "TMPDIR=" + w.folder},
		w.binary, append(args, w.photos.flags()...)...)
	if err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := w.sim.await(ready, w.simURL+"/_sim/clock"); err != nil {
		return err
	}
	return w.control(ctx, http.MethodPut, "/_sim/knobs", map[string]any{
		"processing": map[string]any{"delay": "300ms", "moderation": "300ms"},
		// So short that tokens are refreshed again and again.
		"token": map[string]any{"lifetimes": "custom", "access_lifetime": "6s", "refresh_lifetime": "8760h"},
		"media": map[string]any{"discard": true},
		"pull":  w.fetching(),
	}, nil)
}

// fetching is how the simulator fetches photos in this world: one or some at once, whole or in parts, and with a cut or
// without. The moment between commit and fetch, in which a person may still stop photos, is long enough to be met.
func (w *world) fetching() map[string]any {
	pull := map[string]any{"start_after": "300ms", "backoff": "500ms", "parallel": 1 + w.seed%2}
	if w.seed>>8%3 == 0 {
		pull["range_bytes"] = 1500
	}
	if w.seed>>16%3 == 0 {
		pull["cut_after_bytes"], pull["cut_times"] = 700, 1
	}
	return pull
}

// signIn signs a person in as with a browser, which connects the account or connects it anew.
func (w *world) signIn(ctx context.Context, p *person) error {
	key, err := app.SignInForKey(ctx, p.home, w.publicURL, p.handle)
	if err != nil {
		return fmt.Errorf("sign in as %s: %w", p.handle, err)
	}
	p.key = key.Reveal()
	if p.api, err = client.New(w.publicURL, client.Options{Key: p.key, Poll: 100 * time.Millisecond,
		HTTP: &http.Client{Transport: &balancer{w: w}}}); err != nil {
		return err
	}
	accounts, err := p.api.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Name == p.handle {
			p.account = a.ID
			return nil
		}
	}
	return fmt.Errorf("%s signed in, but no account of theirs is connected", p.handle)
}

// person returns whose turn it is: everybody gets about the same number of posts.
func (w *world) person() *person {
	p := w.people[w.next%len(w.people)]
	w.next++
	return p
}

// film returns a video that no other post has, and its hash. Players skip the padding at its end.
func (w *world) film(padding int) ([]byte, string) {
	padding = max(padding, 16)
	box := make([]byte, 8+padding)
	copy(box, []byte{byte(len(box) >> 24), byte(len(box) >> 16), byte(len(box) >> 8), byte(len(box)), 'f', 'r', 'e', 'e'})
	for i := 8; i < len(box); i += 8 {
		v := w.rand.Uint64()
		for j := i; j < min(i+8, len(box)); j++ {
			box[j] = byte(v >> (8 * (j - i)))
		}
	}
	film := append(append(make([]byte, 0, len(w.clips.good)+len(box)), w.clips.good...), box...)
	sum := sha256.Sum256(film)
	return film, hex.EncodeToString(sum[:])
}

// photo returns a JPEG that no other post has and that needs no change, and its hash.
func (w *world) photo() ([]byte, string) {
	picture := image.NewGray(image.Rect(0, 0, 360, 480))
	for i := range picture.Pix {
		if i%16 == 0 {
			picture.Pix[i] = byte(w.rand.Uint32())
		} else {
			picture.Pix[i] = picture.Pix[i-1]
		}
	}
	var out bytes.Buffer
	// A buffer takes everything, and the picture is not too large: this cannot fail.
	_ = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 30})
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), hex.EncodeToString(sum[:])
}

// close ends everything.
func (w *world) close() error {
	var errs []error
	for _, n := range w.nodes {
		if n.paused {
			errs = append(errs, n.resume())
		}
		errs = append(errs, n.end())
	}
	if w.photos != nil {
		errs = append(errs, w.photos.close())
	}
	if w.sim != nil {
		errs = append(errs, w.sim.kill())
	}
	if w.way != nil {
		errs = append(errs, w.way.close())
	}
	return errors.Join(errs...)
}
