package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ship-post.com/shippost/internal/chaos"
)

// node is one ShipPost process. It is started again whenever it was killed, as a service manager would.
type node struct {
	w      *world
	name   string
	port   int
	folder string

	mu      sync.Mutex
	proc    *process
	orders  string        // of the process that runs
	queue   []string      // of the processes that follow when it is killed
	struck  []string      // orders that were carried out: the process killed itself
	hit     bool          // it was killed from outside
	up      chan struct{} // closed while the node answers
	last    *process      // the one that was asked to end and is not to be started again
	leaving *process      // the one that was asked to end in the middle of its work, and is to be started again
	kills   int
	ends    int // good ends in the middle of its work
	paused  bool
	trace   string                     // file that its changes of files are recorded in; "" for none
	fragile bool                       // its disk fails: it may end by itself, and is started again
	wrong   error                      // it ended in a way that nobody ordered
	asked   map[int]context.CancelFunc // ends the requests that it is answering
	asks    int
}

// address is where the node listens.
func (n *node) address() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// passes is the file in which the node notes each fault point it passes.
func (n *node) passes() string { return filepath.Join(n.folder, "passes") }

// environment is the whole set-up of the node.
func (n *node) environment(orders string) []string {
	w := n.w
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.folder, "TMPDIR=" + w.folder,
		"SHIPPOST_LISTEN=" + n.address(), "SHIPPOST_PUBLIC_URL=" + w.publicURL, "SHIPPOST_SIGNUP=open", "SHIPPOST_API_LIMIT=0",
		"SHIPPOST_PULL_URL=https://" + photoDomain,
		"SHIPPOST_DATA_DIR=" + n.folder, "SHIPPOST_STORAGE_URL=file:" + filepath.Join(w.folder, "media"),
		"SHIPPOST_TIKTOK_CLIENT_KEY=" + w.clientKey, "SHIPPOST_TIKTOK_CLIENT_SECRET=" + w.clientSecret,
		"SHIPPOST_TIKTOK_API_URL=" + w.wayURL, "SHIPPOST_TIKTOK_AUTHORIZE_URL=" + w.simURL + "/v2/auth/authorize/",
		"SHIPPOST_CHAOS=" + orders, "SHIPPOST_CHAOS_LOG=" + n.passes(),
		fmt.Sprintf("SHIPPOST_CHAOS_CHUNK=%d", chunk),
	}
	if w.clocks {
		env = append(env, "SHIPPOST_CHAOS_CLOCK="+n.clock())
	}
	if w.databaseURL != "" {
		env = append(env, "SHIPPOST_DATABASE_URL="+w.databaseURL, "SHIPPOST_MASTER_KEY="+masterKey)
	}
	return env
}

// chunk is the smallest that TikTok takes: a large film of ours has three of them and a remainder, which is sent with the last.
const chunk = 5 << 20

// masterKey seals what the nodes of one database share.
const masterKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// run starts the node with the first orders for its fault points, with the next ones when it was killed, and without
// any when none are left.
func (n *node) run(ctx context.Context, orders ...string) error {
	n.mu.Lock()
	n.queue = orders
	n.mu.Unlock()
	p, err := n.launch()
	if err != nil {
		return err
	}
	go n.watch(ctx, p)
	return nil
}

func (n *node) launch() (*process, error) {
	n.mu.Lock()
	orders := ""
	if len(n.queue) > 0 {
		orders, n.queue = n.queue[0], n.queue[1:]
	}
	n.mu.Unlock()
	program, args := n.w.binary, []string{"serve"}
	if n.trace != "" {
		program, args = underStrace(n.trace, program, args...)
	}
	p, err := start(filepath.Join(n.folder, "log"), n.environment(orders), program, args...)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proc, n.orders, n.hit = p, orders, false
	up := make(chan struct{})
	n.up = up
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if p.await(ctx, "http://"+n.address()+"/readyz") == nil {
			close(up)
		}
	}()
	return p, nil
}

// watch starts the node again each time it was killed, until it is stopped or ends in another way.
func (n *node) watch(ctx context.Context, p *process) {
	for {
		<-p.exited
		n.mu.Lock()
		again := n.last != p && ctx.Err() == nil
		switch {
		case p.wasKilled():
			n.kills++
			if n.orders != "" && !n.hit {
				n.struck = append(n.struck, n.orders)
			}
		case again && n.fragile:
		case again && n.leaving == p && p.state.ExitCode() == 0:
			n.ends++
		case again && n.leaving == p && p.neverBegan():
		case again:
			n.wrong = fmt.Errorf("node %s ended by itself: %s", n.name, p.state)
			again = false
		}
		n.mu.Unlock()
		if !again {
			return
		}
		var err error
		if p, err = n.launch(); err != nil {
			n.mu.Lock()
			n.wrong = err
			n.mu.Unlock()
			return
		}
	}
}

// ready returns a channel that is closed once the node answers.
func (n *node) ready() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up
}

// alive reports whether the node answers.
func (n *node) alive() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.proc == nil || n.proc.dead() || n.paused {
		return false
	}
	select {
	case <-n.up:
		return true
	default:
		return false
	}
}

// crash kills the node now, if it runs.
func (n *node) crash() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hit = true
	return n.proc.signal(syscall.SIGKILL)
}

// graceTime is how long a node may take to end when it is asked to (reliability C34), with a little for the machine.
const graceTime = 30*time.Second + 5*time.Second

// end asks the node to end, as a deployment would, and insists on a good end in time.
func (n *node) end() error {
	n.mu.Lock()
	p := n.proc
	n.last = p
	n.mu.Unlock()
	if p == nil || p.dead() {
		return n.trouble()
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.exited:
	case <-time.After(graceTime):
		return errors.Join(fmt.Errorf("node %s did not end within %s of SIGTERM", n.name, graceTime), p.kill())
	}
	if code := p.state.ExitCode(); code != 0 && !p.wasKilled() {
		return fmt.Errorf("node %s ended with %s after SIGTERM", n.name, p.state)
	}
	return n.trouble()
}

// replace asks the node to end in the middle of its work, as a deployment does, and insists on a good end in time (C34).
// It is started again at once.
func (n *node) replace() error {
	n.mu.Lock()
	p := n.proc
	n.leaving = p
	n.mu.Unlock()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(graceTime):
		return errors.Join(fmt.Errorf("node %s did not end within %s of SIGTERM", n.name, graceTime), p.kill())
	}
}

// replaced returns how often the node ended well in the middle of its work.
func (n *node) replaced() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ends
}

// trouble returns what went wrong with the node, nil for nothing.
func (n *node) trouble() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wrong
}

// passed returns how often each fault point was passed, and forgets it.
func (n *node) passed() (map[string]int, error) {
	text, err := os.ReadFile(n.passes())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, name := range strings.Fields(string(text)) {
		counts[name]++
	}
	return counts, os.Truncate(n.passes(), 0)
}

// pointsOfProduct returns the fault points of the program that is proven.
func pointsOfProduct() []string {
	var list []string
	for _, name := range chaos.Points() {
		// A rotation of the keys is a command beside the server, killed at each of its steps by a test of its own (TestS19_…).
		if !strings.HasPrefix(name, "chaos.") && !strings.HasPrefix(name, "rotate.") {
			list = append(list, name)
		}
	}
	return list
}

// killed returns how often the node was ended by SIGKILL.
func (n *node) killed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.kills
}

// ended reports whether the node was asked to end, or never ran.
func (n *node) ended() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proc == nil || n.last == n.proc && n.proc.dead()
}

// carriedOut returns the orders by which the node killed itself since it was last asked.
func (n *node) carriedOut() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.struck
	n.struck, n.queue = nil, nil
	return list
}

// resume lets a paused node go on.
func (n *node) resume() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = false
	return n.proc.signal(syscall.SIGCONT)
}
