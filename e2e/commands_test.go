package e2e

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ship-post.com/shippost/client"
)

// commands are what a story can say beside testscript's own words.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"clip":     plain(makeClip),
	"picture":  plain(makePicture),
	"cut":      plain(cutFile),
	"grow":     plain(growFile),
	"serve":    plain(serve),
	"end":      plain(endServer),
	"signin":   plain(signIn),
	"as":       plain(actAs),
	"upload":   plain(uploadFile),
	"schedule": plain(schedule),
	"reach":    plain(reach),
	"api":      plain(callAPI),
	"browse":   plain(browse),
	"sim":      plain(callSimulator),
	"journal":  plain(journalHas),
	"time":     plain(timeFromNow),
	"keep":     plain(keep),
	"await":    plain(awaitLine),
	"samehash": plain(sameHash),
	"newer":    plain(makeNewer),
	"sums":     plain(sumsOf),
}

// usage is the error of a command that was called wrongly.
type usage string

func (u usage) Error() string { return "usage: " + string(u) }

// plain makes a command of a function that returns an error.
func plain(fn func(*testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := fn(ts, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("unexpected success")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

// makeClip makes a real video: clip NAME SECONDS [WIDTHxHEIGHT]. Three seconds in the usual size come from a stock.
func makeClip(ts *testscript.TestScript, args []string) error {
	switch {
	case len(args) == 2 && args[1] == "3" && strings.HasSuffix(args[0], ".mp4"):
		bytes, err := theClip()
		if err != nil {
			return err
		}
		return os.WriteFile(ts.MkAbs(args[0]), bytes, 0o600)
	case len(args) == 2:
		return clip(ts.MkAbs(args[0]), args[1], "360x640", "-b:v", "400k")
	case len(args) == 3:
		return clip(ts.MkAbs(args[0]), args[1], args[2], "-b:v", "400k")
	default:
		return usage("clip NAME SECONDS [WIDTHxHEIGHT]")
	}
}

// makePicture makes a picture in the format of its name: picture NAME WIDTHxHEIGHT.
func makePicture(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("picture NAME WIDTHxHEIGHT")
	}
	return ffmpeg("-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size="+args[1], "-frames:v", "1", ts.MkAbs(args[0]))
}

// cutFile keeps the first bytes of a file: cut NAME BYTES.
func cutFile(ts *testscript.TestScript, args []string) error {
	path, n, err := sized(ts, args)
	if err != nil {
		return err
	}
	return os.Truncate(path, n)
}

// growFile makes an MP4 larger without changing what it shows: grow NAME BYTES.
func growFile(ts *testscript.TestScript, args []string) error {
	path, n, err := sized(ts, args)
	if err != nil {
		return err
	}
	return grow(path, n)
}

func sized(ts *testscript.TestScript, args []string) (path string, n int64, err error) {
	if len(args) != 2 {
		return "", 0, usage("NAME BYTES")
	}
	n, err = strconv.ParseInt(args[1], 10, 64)
	return ts.MkAbs(args[0]), n, err
}

// stage is the world of one story and the people in it.
type stage struct {
	*world
	people map[string]*person
	acting *person
}

// stageKey is where a story keeps its stage.
type stageKey struct{}

func stageOf(ts *testscript.TestScript) (*stage, error) {
	if s, ok := ts.Value(stageKey{}).(**stage); ok && *s != nil {
		return *s, nil
	}
	return nil, usage("serve comes first")
}

// personOf is who acts now.
func personOf(ts *testscript.TestScript) (*stage, *person, error) {
	s, err := stageOf(ts)
	if err == nil && s.acting == nil {
		err = usage("signin comes first")
	}
	if err != nil {
		return nil, nil, err
	}
	return s, s.acting, nil
}

// serve starts ShipPost and, the first time, the simulated TikTok: serve [NAME=VALUE…]. Values are for the server's
// environment.
func serve(ts *testscript.TestScript, args []string) error {
	slot := ts.Value(stageKey{}).(**stage)
	if *slot == nil {
		w, err := newWorld(ts.Getenv("WORK"))
		if err != nil {
			return err
		}
		*slot = &stage{world: w, people: map[string]*person{}}
		ts.Setenv("URL", w.url)
		ts.Setenv("SIM", w.sim.URL)
		ts.Setenv("DATA", w.dir)
		ts.Defer(func() {
			ts.Logf("the server's log:\n%s", w.logs())
			if err := w.close(); err != nil {
				ts.Logf("close: %v", err)
			}
		})
	}
	(*slot).extra = args
	return (*slot).start()
}

// endServer ends ShipPost: end SIGKILL|SIGTERM.
func endServer(ts *testscript.TestScript, args []string) error {
	s, err := stageOf(ts)
	if err != nil {
		return err
	}
	switch strings.Join(args, " ") {
	case "SIGKILL":
		return s.end(syscall.SIGKILL)
	case "SIGTERM":
		return s.end(syscall.SIGTERM)
	}
	return usage("end SIGKILL|SIGTERM")
}

// signIn signs a creator in: signin HANDLE. KEY, KEYID, ACCOUNT and HANDLE are theirs from then on.
func signIn(ts *testscript.TestScript, args []string) error {
	s, err := stageOf(ts)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return usage("signin HANDLE")
	}
	p, err := s.signIn(context.Background(), args[0])
	if err != nil {
		return err
	}
	s.people[args[0]] = p
	return actAs(ts, args)
}

// actAs goes on as somebody who signed in before: as HANDLE.
func actAs(ts *testscript.TestScript, args []string) error {
	s, err := stageOf(ts)
	if err != nil {
		return err
	}
	if len(args) != 1 || s.people[args[0]] == nil {
		return usage("as HANDLE, of somebody who signed in")
	}
	s.acting = s.people[args[0]]
	ts.Setenv("HANDLE", s.acting.handle)
	ts.Setenv("KEY", s.acting.key)
	ts.Setenv("KEYID", s.acting.keyID)
	ts.Setenv("ACCOUNT", s.acting.account)
	return nil
}

// uploadFile brings a file to ShipPost: upload FILE. MEDIA is its id. It fails when the file cannot be used.
func uploadFile(ts *testscript.TestScript, args []string) error {
	_, p, err := personOf(ts)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return usage("upload FILE")
	}
	m, err := p.upload(context.Background(), ts.MkAbs(args[0]))
	ts.Setenv("MEDIA", m.ID)
	if err != nil {
		_, _ = fmt.Fprintln(ts.Stderr(), err)
	}
	return err
}

// schedule makes a post of MEDIA: schedule IN [CAPTION]. POST is its id. It is due after the given time.
func schedule(ts *testscript.TestScript, args []string) error {
	_, p, err := personOf(ts)
	if err != nil {
		return err
	}
	if len(args) < 1 || len(args) > 2 {
		return usage("schedule IN [CAPTION]")
	}
	in, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	draft := p.draft(ts.Getenv("MEDIA"), in)
	if len(args) == 2 {
		draft.Caption = args[1]
	}
	post, err := p.CreatePost(context.Background(), draft, "")
	if err != nil {
		_, _ = fmt.Fprintln(ts.Stderr(), err)
		return err
	}
	ts.Setenv("POST", post.ID)
	return printJSON(ts, post)
}

// reach waits until POST is in one of the states: reach STATE…, such as "posted" or "publishing/staged". It prints the post.
func reach(ts *testscript.TestScript, args []string) error {
	_, p, err := personOf(ts)
	if err != nil {
		return err
	}
	post, err := p.until(context.Background(), ts.Getenv("POST"), args...)
	if err != nil {
		return err
	}
	return printJSON(ts, post)
}

// journalHas waits for entries of the simulator's journal: journal KIND NAME STATUS [HOW-MANY].
func journalHas(ts *testscript.TestScript, args []string) error {
	s, err := stageOf(ts)
	if err != nil {
		return err
	}
	if len(args) < 3 || len(args) > 4 {
		return usage("journal KIND NAME STATUS [HOW-MANY]")
	}
	status, err := strconv.Atoi(args[2])
	many := 1
	if err == nil && len(args) == 4 {
		many, err = strconv.Atoi(args[3])
	}
	if err != nil {
		return err
	}
	return eventually(context.Background(), func() (bool, error) { return s.count(args[0], args[1], status) >= many, nil })
}

// keep sets a variable to the first group of a pattern in the last output: keep NAME PATTERN.
func keep(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("keep NAME PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		return fmt.Errorf("nothing in the output is %s", pattern)
	}
	ts.Setenv(args[0], found[1])
	return nil
}

// awaitLine waits until a program in the background has written a line into a file, and prints the file: await FILE PATTERN.
func awaitLine(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("await FILE PATTERN")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	if err != nil {
		return err
	}
	return eventually(context.Background(), func() (bool, error) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !pattern.Match(text) {
			return false, nil
		}
		if err == nil {
			_, err = ts.Stdout().Write(text)
		}
		return true, err
	})
}

// timeFromNow sets a variable to an instant: time NAME IN.
func timeFromNow(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("time NAME IN")
	}
	in, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	ts.Setenv(args[0], time.Now().Add(in).UTC().Format(time.RFC3339Nano))
	return nil
}

// sameHash holds the SHA-256 of the one public post against that of MEDIA.
func sameHash(ts *testscript.TestScript, _ []string) error {
	s, p, err := personOf(ts)
	if err != nil {
		return err
	}
	m, err := p.Media(context.Background(), ts.Getenv("MEDIA"))
	if err != nil {
		return err
	}
	posts := s.sim.Posts()
	if len(posts) != 1 || posts[0].SHA256 != m.SHA256 {
		return fmt.Errorf("TikTok shows %+v; the media is %s", posts, m.SHA256)
	}
	return nil
}

// makeNewer makes a database one that a later version wrote: newer FILE.
func makeNewer(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return usage("newer FILE")
	}
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	return errors.Join(err, db.Close())
}

// sumsOf writes the checksums of all files of a folder into a file: sums FOLDER FILE. Which process holds the lock is left out.
func sumsOf(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return usage("sums FOLDER FILE")
	}
	var list strings.Builder
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".lock") {
			return err
		}
		bytes, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(&list, "%x %s\n", sha256.Sum256(bytes), path)
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(args[1]), []byte(list.String()), 0o600)
}

// callAPI sends a request to ShipPost: api METHOD PATH [BODY]. The status and the answer go to stdout. KEY is sent along.
func callAPI(ts *testscript.TestScript, args []string) error {
	s, err := stageOf(ts)
	if err != nil {
		return err
	}
	return call(ts, http.DefaultClient, s.url+"/api/v1", ts.Getenv("KEY"), args)
}

// browse sends a request to ShipPost from the person's browser, which is signed in: browse METHOD PATH [BODY].
func browse(ts *testscript.TestScript, args []string) error {
	s, p, err := personOf(ts)
	if err != nil {
		return err
	}
	return call(ts, p.browser, s.url, "", args)
}

// callSimulator sends a request to the simulated TikTok at SIM: sim METHOD PATH [BODY].
func callSimulator(ts *testscript.TestScript, args []string) error {
	if ts.Getenv("SIM") == "" {
		return usage("serve comes first, or SIM is set")
	}
	return call(ts, http.DefaultClient, ts.Getenv("SIM"), "", args)
}

func call(ts *testscript.TestScript, from *http.Client, base, key string, args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return usage("METHOD PATH [BODY]")
	}
	var body io.Reader
	if len(args) == 3 {
		body = strings.NewReader(args[2])
	}
	req, err := http.NewRequest(args[0], base+args[1], body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := from.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(ts.Stdout(), "%d\n%s\n", resp.StatusCode, text)
	return err
}

func printJSON(ts *testscript.TestScript, post client.Post) error {
	e := json.NewEncoder(ts.Stdout())
	e.SetEscapeHTML(false)
	return e.Encode(post)
}
