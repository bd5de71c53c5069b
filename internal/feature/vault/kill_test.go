package vault_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store/storetest"
)

// R19: a process is killed at each step of a refresh, and another one goes on. The account is lost only if TikTok did
// rotate and its answer is gone; then people are told within a minute.
func TestR19_KilledAtEachStep(t *testing.T) {
	t.Parallel()
	victim := filepath.Join(t.TempDir(), "victim")
	build := exec.Command("go", "build", "-tags=chaos", "-o", victim, "./testdata/victim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is compiled for other tests already
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stall := func(at string) *tiktoksim.Fault {
		return &tiktoksim.Fault{Name: "stall", Endpoint: "token", At: at, Do: "stall"}
	}
	for name, c := range map[string]struct {
		order string           // the fault point at which the victim kills itself, or
		fault *tiktoksim.Fault // where TikTok stalls while the victim is killed from outside
		lost  bool
		sent  int // refreshes that TikTok made before the kill
	}{
		"before the request left":        {order: "vault.intended"},
		"request on its way":             {fault: stall("before_effect")},
		"answer on its way":              {fault: stall("after_effect_before_reply"), lost: true, sent: 1},
		"answer there, nothing stored":   {order: "vault.answered", lost: true, sent: 1},
		"new pair stored, nobody has it": {order: "vault.kept", sent: 1},
	} {
		run := func(t *testing.T, url string) {
			t.Parallel()
			b := newBench(t, url)
			if c.fault != nil {
				b.knobs(func(k *tiktoksim.Knobs) { k.Faults = []tiktoksim.Fault{*c.fault} })
			}
			b.clock.Advance(24*time.Hour - 5*time.Minute)
			b.close()
			b.kill(victim, url, c.order)
			b.knobs(func(k *tiktoksim.Knobs) { k.Faults = nil })
			if n := b.effects("token_refreshed"); n != c.sent {
				t.Fatalf("TikTok made %d refreshes before the kill, want %d: the victim died elsewhere", n, c.sent)
			}
			killed := b.clock.Now()
			b.db = b.open(url)
			node := b.node(b.db)
			if err := node.Keep(t.Context()); err != nil {
				t.Error(err)
			}
			if !c.lost {
				if b.healthy(); b.token(node) == b.first {
					t.Error("the token was not refreshed")
				}
				return
			}
			if told := b.broken(); told.IsZero() || told.Sub(killed) > time.Minute {
				t.Errorf("told at %v, killed at %v; want it within a minute", told, killed)
			}
			if a, _ := b.stored(); a.Status != shippost.AccountReconnect {
				t.Errorf("the account is %s", a.Status)
			}
			if token := b.token(node); token != b.first || !b.works(token) {
				t.Error("the access token that is left is not used until it expires")
			}
		}
		t.Run(name+"/sqlite", func(t *testing.T) { run(t, storetest.SQLiteURL(t)) })
		t.Run(name+"/postgres", func(t *testing.T) { run(t, storetest.PostgresURL(t)) })
	}
}

// kill runs the victim until it kills itself at a fault point, or is killed while TikTok stalls.
func (b *bench) kill(victim, url, order string) {
	b.t.Helper()
	clock := filepath.Join(b.t.TempDir(), "clock")
	if err := os.WriteFile(clock, []byte(time.Until(b.clock.Now()).String()), 0o600); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(victim, url, b.keys, b.sim.URL, tiktoksim.DefaultClientKey, tiktoksim.DefaultClientSecret, string(b.account.ID))
	cmd.Env = append(os.Environ(), "SHIPPOST_CHAOS_CLOCK="+clock)
	if order != "" {
		cmd.Env = append(cmd.Env, "SHIPPOST_CHAOS="+order+"=kill")
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	if order == "" {
		b.stalled()
		if err := cmd.Process.Kill(); err != nil {
			b.t.Error(err)
		}
	}
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		b.t.Fatalf("the victim ended with %v, want SIGKILL\n%s", err, &out)
	}
}

// stalled waits until TikTok stalls a call.
func (b *bench) stalled() {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, e := range b.sim.Journal(0) {
			if e.Kind == "fault" {
				return
			}
		}
		select {
		case <-tick.C:
		case <-b.t.Context().Done():
			b.t.Fatal("the victim never asked")
		}
	}
}
