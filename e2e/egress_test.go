package e2e

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"

	"ship-post.com/shippost/client"
)

var (
	connected = regexp.MustCompile(`(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"`)
	opened    = regexp.MustCompile(`(?m)^shippost_outbound_connections_total\{to="([^"]*)"\} (\d+)`)
)

// egress returns the addresses that a trace says were connected or sent to.
func egress(trace string) map[string]int {
	seen := map[string]int{}
	for _, m := range connected.FindAllStringSubmatch(trace, -1) {
		seen[net.JoinHostPort(m[2], m[1])]++
	}
	return seen
}

// TestPromise_P22_EveryConnectionIsOnTheList has the whole product run, with sign-in, video, photos, pictures and webhooks, while the
// system writes down every connection that it opens. All of them lead to whom the privacy policy names, and those alone are counted.
func TestPromise_P22_EveryConnectionIsOnTheList(t *testing.T) {
	t.Parallel()
	trace := filepath.Join(t.TempDir(), "trace")
	p := play(t, traced(trace)...)
	dir := t.TempDir()
	accounts, err := p.Accounts(t.Context())
	must(t, err)
	off := false
	for kind, file := range map[string]string{"video": shortClip(t, 1), "photo": picture(t, dir, "beach.jpg", "1080x1350")} {
		m, err := p.UploadFile(t.Context(), file, nil)
		must(t, err)
		m, err = p.WaitMedia(t.Context(), m.ID)
		must(t, err)
		choices := client.TikTok{PrivacyLevel: "PUBLIC_TO_EVERYONE", AllowComment: &off, YourBrand: &off, BrandedContent: &off, Consent: true}
		if kind == "video" {
			choices.AllowDuet, choices.AllowStitch = &off, &off
		}
		post, err := p.CreatePost(t.Context(), client.NewPost{AccountID: accounts[0].ID, MediaIDs: []string{m.ID}, Caption: kind, DueAt: time.Now().Add(time.Second),
			Options: client.Choices{TikTok: &choices}}, "")
		must(t, err)
		post, err = p.WatchPost(t.Context(), post.ID, func(client.Post) {})
		must(t, err)
		if post.Status != "posted" {
			t.Fatalf("the %s ended as %s: %+v", kind, post.Status, post.Failure)
		}
	}

	listed, seen, counts := onTheList(t, p.url, trace)
	if len(listed) < 2 {
		t.Errorf("the policy names %v", listed)
	}
	for _, name := range listed {
		if seen[name] == 0 || counts[name] == "0" {
			t.Errorf("%s is on the list; the system saw %d connections to it, and %s were counted", name, seen[name], counts[name])
		}
	}
	// The search finds what is not on the list.
	control := filepath.Join(dir, "control")
	_ = exec.Command("strace", "-f", "-qq", "-o", control, "-e", "trace=connect,sendto,sendmsg,sendmmsg", "bash", "-c",
		"exec 3<>/dev/udp/127.0.0.9/53; exec 4<>/dev/udp/::1/9").Run() // nobody listens there
	raw, err := os.ReadFile(control)
	must(t, err)
	if seen := egress(string(raw)); seen["127.0.0.9:53"] == 0 || seen["[::1]:9"] == 0 {
		t.Errorf("the search found %v in\n%s", seen, raw)
	}
}

// TestPromise_P22_MailGoesToNobodyElse has a server send mail while the system writes down every connection that it opens: they lead to the
// mail server, which the privacy policy names, and to nobody else.
func TestPromise_P22_MailGoesToNobodyElse(t *testing.T) {
	t.Parallel()
	trace := filepath.Join(t.TempDir(), "trace")
	w := prepare(t)
	there := w.sendsMail(t)
	w.under = traced(trace)
	must(t, w.start())
	form := url.Values{"kind": {"question"}, "mail": {"ada@example.com"}, "message": {"Where does it go?"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/contact", strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.url)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	there.Wait(t, 1)
	if listed, seen, counts := onTheList(t, w.url, trace); !slices.Contains(listed, there.Addr()) || seen[there.Addr()] == 0 || counts[there.Addr()] == "0" {
		t.Errorf("the policy names %v; the system saw %v, and counted are %v", listed, seen, counts)
	}
	must(t, w.end(syscall.SIGTERM))
}

// traced is what has the system write down the connections of a program.
func traced(trace string) []string {
	return []string{"strace", "-D", "-f", "-qq", "-s", "0", "-o", trace, "-e", "signal=none", "-e", "trace=connect,sendto,sendmsg,sendmmsg"}
}

// onTheList fails for a connection to somebody whom the privacy policy does not name, and for one that is counted under another name. It
// returns who is named, and how many connections to them the system saw and the server counted.
func onTheList(t *testing.T, product, trace string) (listed []string, seen map[string]int, counts map[string]string) {
	t.Helper()
	listed, counts = recipients(t, product), map[string]string{}
	for _, m := range opened.FindAllStringSubmatch(get(t, product+"/metrics"), -1) {
		counts[m[1]] = m[2]
	}
	if got := slices.Sorted(maps.Keys(counts)); !slices.Equal(got, listed) {
		t.Errorf("the policy names %v, and counted are %v", listed, got)
	}
	raw, err := os.ReadFile(trace)
	must(t, err)
	seen = egress(string(raw))
	// What plays TikTok and the first visitor may be in the same process; both go to the product itself.
	home, err := url.Parse(product)
	must(t, err)
	for address := range seen {
		at, err := netip.ParseAddrPort(address)
		own := err == nil && at.Addr().IsLoopback() && home.Port() == address[strings.LastIndexByte(address, ':')+1:]
		if !own && !slices.Contains(listed, address) {
			t.Errorf("a connection to %s, which the policy does not name: %v", address, listed)
		}
	}
	return listed, seen, counts
}

func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(text)
}

// recipients are whom the privacy policy of a server names in its section on sharing.
func recipients(t *testing.T, product string) (names []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(get(t, product+"/privacy-policy")))
	must(t, err)
	section := ""
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "h2" && n.FirstChild != nil:
			section = n.FirstChild.Data
		case n.Type == html.ElementNode && n.Data == "li" && n.FirstChild != nil && section == "Who gets it":
			name, _, _ := strings.Cut(n.FirstChild.Data, ": ")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
