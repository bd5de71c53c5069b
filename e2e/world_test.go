package e2e

import (
	"bufio"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// world is a simulated TikTok in this process and ShipPost in a process of its own, as people run it: it can be killed
// and started again.
type world struct {
	dir    string // everything the server keeps is in here
	url    string
	listen string
	sim    *tiktoksim.Running
	extra  []string     // more of the server's environment
	under  []string     // what the server is started by; nothing usually
	binary string       // the program, when it is not the one as it is released
	clock  string       // the file with how far the server's clock is off; "" when it is right
	off    atomic.Int64 // how far the world's clock is off, a time.Duration
	server *server      // nil when it does not run
	seated bool         // a story of this world uses the browser
}

// server is one process of ShipPost.
type server struct {
	cmd  *exec.Cmd
	log  *lines
	done chan struct{}
}

// patience bounds every wait. A story that waits so long has failed; it is long for the sake of small machines with much to do.
const patience = 3 * time.Minute

// begin makes a world and starts its server. change may set the simulator up before.
func begin(t *testing.T, change ...func(*tiktoksim.Options)) *world {
	t.Helper()
	w := prepare(t, change...)
	must(t, w.start())
	return w
}

// prepare makes a world whose server does not run yet.
func prepare(t *testing.T, change ...func(*tiktoksim.Options)) *world {
	t.Helper()
	w, err := newWorld(t.TempDir(), change...)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", w.logs())
			for _, e := range w.sim.Journal(0) {
				t.Logf("simulator: %s %s %s %s %d %s %v", e.Kind, e.Name, e.Creator, e.PublishID, e.Status, e.Code, e.Detail)
			}
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(dir string, change ...func(*tiktoksim.Options)) (*world, error) {
	w := &world{dir: filepath.Join(dir, "data"), listen: freeAddress()}
	_, port, _ := net.SplitHostPort(w.listen)
	w.url = "http://localhost:" + port
	o := tiktoksim.Options{Dir: dir}
	for _, f := range change {
		f(&o)
	}
	var err error
	w.sim, err = tiktoksim.Start(o)
	return w, err
}

// portsUsed makes each address of this process another one.
var portsUsed atomic.Int64

// freeAddress returns an address that a server can use again and again. The port is below those that the system gives
// to outgoing connections, so that nobody takes it between two runs of the server.
func freeAddress() string {
	first := 10_000 + rand.N(10_000)
	for {
		address := "127.0.0.1:" + strconv.Itoa(first+int(portsUsed.Add(1)))
		if ln, err := net.Listen("tcp", address); err == nil {
			_ = ln.Close()
			return address
		}
	}
}

// environment is all that the server sees of the outside.
func (w *world) environment() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + os.TempDir(),
		"SHIPPOST_DATA_DIR=" + w.dir, "SHIPPOST_LISTEN=" + w.listen, "SHIPPOST_PUBLIC_URL=" + w.url, "SHIPPOST_SIGNUP=open",
		"SHIPPOST_TIKTOK_CLIENT_KEY=" + tiktoksim.DefaultClientKey, "SHIPPOST_TIKTOK_CLIENT_SECRET=" + tiktoksim.DefaultClientSecret,
		"SHIPPOST_TIKTOK_API_URL=" + w.sim.URL, "SHIPPOST_TIKTOK_AUTHORIZE_URL=" + w.sim.URL + "/v2/auth/authorize/",
		"SHIPPOST_LOG_LEVEL=debug", "SHIPPOST_API_LIMIT=0",
	}, w.extra...)
}

// start starts the server and returns once it takes requests.
func (w *world) start() error {
	args := append(slices.Clone(w.under), cmp.Or(w.binary, "shippost"), "serve")
	s := &server{cmd: exec.Command(args[0], args[1:]...), log: newLines("ShipPost runs"), done: make(chan struct{})}
	s.cmd.Env = w.environment()
	out, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.done)
		s.log.read(out)
		_ = s.cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	select {
	case <-s.log.seen:
	case <-s.done:
		return fmt.Errorf("the server did not start:\n%s", s.log.text())
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("the server took too long to start:\n%s", s.log.text())
	}
	if w.server != nil {
		s.log.before = w.server.log.text() + "-- started again --\n"
	}
	w.server = s
	return nil
}

// prepareAt makes a world in which it is another time, for ShipPost and for TikTok, once startAt has said which. The program is a build with the
// settable clock. It must be a time that has passed, because the job queue goes by the database's own clock.
func prepareAt(t *testing.T) *world {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	sim := "http://" + ln.Addr().String()
	w := prepare(t, func(o *tiktoksim.Options) { o.PublicURL = sim })
	w.binary, w.clock = filepath.Join(t.TempDir(), "shippost"), filepath.Join(t.TempDir(), "clock")
	w.extra = []string{"SHIPPOST_CHAOS_CLOCK=" + w.clock, "SHIPPOST_TIKTOK_API_URL=" + sim, "SHIPPOST_TIKTOK_AUTHORIZE_URL=" + sim + "/v2/auth/authorize/"}
	if out, err := exec.Command("go", "build", "-tags=chaos", "-o", w.binary, "ship-post.com/shippost/cmd/shippost").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	// The simulator's answers are of the right time whatever its clock says, and ShipPost sends nothing when a platform's clock contradicts its own.
	dated := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
		w.sim.ServeHTTP(rw, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = dated.Serve(ln) }()
	t.Cleanup(func() { _ = dated.Close(); <-done })
	return w
}

// startAt starts the server of a world of prepareAt at a time.
func (w *world) startAt(t *testing.T, at time.Time) {
	t.Helper()
	off := time.Until(at)
	w.off.Store(int64(off))
	must(t, os.WriteFile(w.clock, []byte(off.String()), 0o600))
	w.sim.Clock().Set(at)
	must(t, w.start())
}

// now is the time of the world.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.off.Load())) }

// end ends the server with a signal. After SIGTERM it has to end in order and without an error.
func (w *world) end(sig syscall.Signal) error {
	s := w.server
	if err := s.cmd.Process.Signal(sig); err != nil {
		return err
	}
	select {
	case <-s.done:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("the server does not end after %v", sig)
	}
	if code := s.cmd.ProcessState.ExitCode(); sig == syscall.SIGTERM && code != 0 {
		return fmt.Errorf("after %v the server ended with status %d:\n%s", sig, code, s.log.text())
	}
	return nil
}

// again ends the server with a signal and starts another one on what it left.
func (w *world) again(t *testing.T, sig syscall.Signal) {
	t.Helper()
	must(t, w.end(sig))
	must(t, w.start())
}

// change changes the database of a server that does not run: days pass so, and what an older program left.
func (w *world) change(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "shippost.db"))
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement, args...)
	must(t, err)
	must(t, db.Close())
}

// logs is what all servers of this world logged.
func (w *world) logs() string {
	if w.server == nil {
		return ""
	}
	return w.server.log.text()
}

func (w *world) close() error {
	if w.server != nil && w.server.cmd.ProcessState == nil {
		_ = w.server.cmd.Process.Kill()
		<-w.server.done
	}
	return w.sim.Close()
}

// lines collects the lines of a log and tells when one of them says something.
type lines struct {
	wanted string
	seen   chan struct{}
	before string

	mu   sync.Mutex
	all  strings.Builder
	once sync.Once
}

func newLines(wanted string) *lines { return &lines{wanted: wanted, seen: make(chan struct{})} }

func (l *lines) read(r io.Reader) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		l.mu.Lock()
		l.all.WriteString(in.Text() + "\n")
		l.mu.Unlock()
		if strings.Contains(in.Text(), l.wanted) {
			l.once.Do(func() { close(l.seen) })
		}
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.before + l.all.String()
}

// person is a creator who signed in and made an API key.
type person struct {
	*client.Client
	world   *world
	handle  string
	key     string
	keyID   string
	account string
	browser *http.Client
}

// emptyBrowser keeps cookies, and has none yet.
func emptyBrowser() *http.Client {
	// New fails only for options with a broken list, and there are none.
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, Timeout: patience}
}

// signIn signs a creator in through the pages of ShipPost and TikTok, and makes an API key.
func (w *world) signIn(ctx context.Context, handle string) (*person, error) {
	p := &person{world: w, handle: handle, browser: emptyBrowser()}
	consent, err := p.browser.PostForm(w.url+"/sign-in/tiktok", nil)
	if err != nil {
		return nil, err
	}
	_ = consent.Body.Close()
	at := consent.Request.URL
	home, err := p.browser.PostForm(at.String(), url.Values{"creator": {handle}, "decision": {"allow"}, "scope": strings.Split(at.Query().Get("scope"), ",")})
	if err != nil {
		return nil, err
	}
	_ = home.Body.Close()
	if home.StatusCode != http.StatusOK || home.Request.URL.Path != "/" {
		return nil, fmt.Errorf("the sign-in of %s ended at %s with %s", handle, home.Request.URL.Path, home.Status)
	}
	if err := p.makeKey(); err != nil {
		return nil, err
	}
	if p.Client, err = client.New(w.url, client.Options{Key: p.key, Poll: 50 * time.Millisecond}); err != nil {
		return nil, err
	}
	accounts, err := p.Accounts(ctx)
	if err != nil || len(accounts) != 1 {
		return nil, fmt.Errorf("accounts %v: %w", accounts, err)
	}
	p.account = accounts[0].ID
	return p, nil
}

// creator signs a creator in.
func (w *world) creator(t *testing.T, handle string) *person {
	t.Helper()
	p, err := w.signIn(t.Context(), handle)
	must(t, err)
	return p
}

func (p *person) makeKey() error {
	resp, err := p.browser.Post(p.world.url+"/api/v1/keys", "application/json", strings.NewReader(`{"name":"Stories"}`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var made struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	err = json.NewDecoder(resp.Body).Decode(&made)
	p.keyID, p.key = made.ID, made.Key
	if p.key == "" {
		return fmt.Errorf("make a key: %s: %w", resp.Status, err)
	}
	return nil
}

// upload brings a file to the server and returns its media once it was checked.
func (p *person) upload(ctx context.Context, path string) (client.Media, error) {
	m, err := p.UploadFile(ctx, path, nil)
	if err != nil {
		return m, err
	}
	return p.WaitMedia(ctx, m.ID)
}

// draft is a post of the media that is due after a time, with every question answered.
func (p *person) draft(media string, in time.Duration) client.NewPost {
	off := false
	level := "PUBLIC_TO_EVERYONE"
	for _, c := range p.world.sim.Creators() {
		if c.Handle == p.handle && c.Private {
			level = "SELF_ONLY"
		}
	}
	return client.NewPost{AccountID: p.account, MediaIDs: []string{media}, Caption: "Low tide #nature", DueAt: p.world.now().Add(in),
		Options: client.Choices{TikTok: &client.TikTok{PrivacyLevel: level, AllowComment: &off, AllowDuet: &off, AllowStitch: &off,
			YourBrand: &off, BrandedContent: &off, Consent: true}}}
}

// until waits for a post to be in one of the states, written "posted" or "publishing/staged".
func (p *person) until(ctx context.Context, id string, states ...string) (client.Post, error) {
	return p.when(ctx, id, func(post client.Post) bool {
		return slices.Contains(states, post.Status) || slices.Contains(states, post.Status+"/"+post.Phase)
	})
}

// when waits for a post of which something is true.
func (p *person) when(ctx context.Context, id string, is func(client.Post) bool) (client.Post, error) {
	var post client.Post
	err := eventually(ctx, func() (ok bool, err error) {
		if post, err = p.Post(ctx, id); err != nil || is(post) {
			return true, err
		}
		if post.Ended() && post.Status != "in_inbox" { // there the creator may still go on
			return false, fmt.Errorf("the post ended as %s: %+v", post.Status, post.Failure)
		}
		return false, nil
	})
	return post, err
}

// eventually asks again and again until the answer is yes.
func eventually(ctx context.Context, yes func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := yes()
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("it did not happen in time")
		}
	}
}

// receives waits until the simulated TikTok has read so many bytes of one upload.
func (w *world) receives(ctx context.Context, n int64) error {
	return eventually(ctx, func() (bool, error) {
		for _, p := range w.sim.Publishes() {
			if p.ReceivedBytes >= n {
				return true, nil
			}
		}
		return false, nil
	})
}

// count is how many entries of the simulator's journal have this kind and name and, for requests, one of the statuses.
func (w *world) count(kind, name string, statuses ...int) int {
	n := 0
	for _, e := range w.sim.Journal(0) {
		if e.Kind != kind || e.Name != name {
			continue
		}
		match := len(statuses) == 0
		for _, s := range statuses {
			match = match || e.Status == s
		}
		if match {
			n++
		}
	}
	return n
}
