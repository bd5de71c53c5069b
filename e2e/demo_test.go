package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// playground is the demo as anybody runs it: ShipPost, a simulated TikTok, and a made-up domain from which it fetches photos.
type playground struct {
	*world
	*client.Client // of Mara
	simulator      string
}

// play starts the demo, under a program that starts programs if one is given.
func play(t *testing.T, under ...string) playground {
	t.Helper()
	args := append(under, "shippost", "demo", "--no-open", "--json", "--data-dir", t.TempDir())
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + os.TempDir()}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	var at struct {
		URL       string `json:"url"`
		Simulator string `json:"simulator_url"`
		Key       string `json:"api_key"`
	}
	must(t, json.NewDecoder(out).Decode(&at))
	c, err := client.New(at.URL, client.Options{Key: at.Key})
	must(t, err)
	return playground{&world{url: at.URL}, c, at.Simulator}
}

// posts are what viewers see.
func (p playground) posts(t *testing.T) []tiktoksim.Post { return p.known(t, "posts") }

// known are the posts, or the publishes, that the simulated TikTok knows of.
func (p playground) known(t *testing.T, what string) []tiktoksim.Post {
	t.Helper()
	resp, err := http.Get(p.simulator + "/_sim/" + what)
	must(t, err)
	defer resp.Body.Close()
	var list []tiktoksim.Post
	must(t, json.NewDecoder(resp.Body).Decode(&list))
	return list
}
