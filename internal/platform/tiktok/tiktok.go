// Package tiktok publishes videos to TikTok: Login Kit and the Content Posting API as TikTok's contract describes them.
//
// A video is staged with one init request and then uploaded, all but its last bytes; until those arrive TikTok cannot
// publish anything. Commit releases them. Every answer is judged by its body, never by its status alone, and no request
// that could have an effect is ever repeated by the client.
package tiktok

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
)

// Where TikTok is.
const (
	defaultAPI       = "https://open.tiktokapis.com"
	defaultAuthorize = "https://www.tiktok.com/v2/auth/authorize/"
	uploadDomain     = ".tiktokapis.com" // upload hosts differ by region, all below it
)

// What TikTok asks for each ability (TikTok contract 1.3).
const (
	scopeBasic   = "user.info.basic"
	scopeProfile = "user.info.profile"
	scopePublish = "video.publish"
)

// Options is how to reach TikTok, or a simulator. Clients, ClientKey and ClientSecret are required.
type Options struct {
	APIURL       string // scheme and host; "" for TikTok's own
	AuthorizeURL string // where browsers are sent; "" for TikTok's own
	ClientKey    string
	ClientSecret shippost.Secret
	Clients      *outbound.Clients
	// UploadHosts are the hosts that upload addresses may name: rules as in outbound.Policy, or host:port on this
	// machine. Nil means those that belong to APIURL.
	UploadHosts []string
	// Hold is the longest time that a request is kept open before its last bytes; 0 means two minutes.
	Hold time.Duration
	// Held is how many requests may be kept open at once; more are sent whole at the instant. 0 means 2000.
	Held int
	Now  func() time.Time // nil means time.Now
	Log  *slog.Logger     // nil drops it
}

// Client is the connection to TikTok. It may be used from many goroutines at once.
type Client struct {
	api, authorize string
	key            string
	secret         shippost.Secret
	clients        *outbound.Clients
	uploadHosts    []string
	now            func() time.Time
	log            *slog.Logger
	hold           holdRules
	slots          chan struct{} // one for each request that may be kept open
	line           *line
}

var (
	_ platform.Platform      = (*Client)(nil)
	_ platform.CreatorReader = (*Client)(nil)
	_ platform.Adjuster      = (*Client)(nil)
	_ platform.Authorizer    = (*Client)(nil)
	_ platform.Refresher     = (*Client)(nil)
	_ platform.Revoker       = (*Client)(nil)
)

// New returns a client, or an error when the options cannot be meant.
func New(o Options) (*Client, error) {
	if o.APIURL == "" {
		o.APIURL = defaultAPI
	}
	if o.AuthorizeURL == "" {
		o.AuthorizeURL = defaultAuthorize
	}
	if o.Clients == nil || o.ClientKey == "" || o.ClientSecret.IsZero() {
		return nil, errors.New("tiktok: clients, client key and client secret are required")
	}
	api, err := base(o.APIURL)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(o.AuthorizeURL); err != nil || u.Host == "" || u.Scheme != "https" && !onLoopback(u) {
		return nil, fmt.Errorf("tiktok: %q is not an address browsers can be sent to", o.AuthorizeURL)
	}
	c := &Client{api: api, authorize: o.AuthorizeURL, key: o.ClientKey, secret: o.ClientSecret, clients: o.Clients,
		uploadHosts: o.UploadHosts, now: o.Now, log: o.Log, hold: defaultHold, line: newLine()}
	if c.uploadHosts == nil {
		c.uploadHosts = append(Policy(o.APIURL).Hosts, Policy(o.APIURL).Loopback...)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if o.Hold > 0 {
		c.hold.longest = o.Hold
	}
	if o.Held <= 0 {
		o.Held = 2000
	}
	c.slots = make(chan struct{}, o.Held)
	return c, nil
}

// base returns scheme and host of an API address.
func base(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("tiktok: %q is not the address of an API", address)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !onLoopback(u)) {
		return "", fmt.Errorf("tiktok: %q must be https unless it is on this machine", address)
	}
	return u.Scheme + "://" + u.Host, nil
}

// onLoopback reports whether an address is on this machine.
func onLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

// Policy returns where the client of an API address ("" for TikTok's own) has to be let: the API and the hosts that
// it names for uploads.
func Policy(apiURL string) outbound.Policy {
	u, err := url.Parse(apiURL)
	switch {
	case apiURL == "" || err != nil || u.Host == "":
		return outbound.Policy{Hosts: []string{uploadDomain}}
	case onLoopback(u):
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return outbound.Policy{Loopback: []string{net.JoinHostPort(u.Hostname(), port)}}
	case outbound.HostMatches(uploadDomain, u.Hostname()):
		return outbound.Policy{Hosts: []string{uploadDomain}}
	default:
		return outbound.Policy{Hosts: []string{u.Hostname()}}
	}
}

// Describe returns what TikTok is.
func (c *Client) Describe() platform.Description {
	return platform.Description{
		Name: shippost.TikTok, Title: "TikTok",
		OpenLife: time.Hour, EarliestStage: 40 * time.Minute,
		// Name and picture for people, and the right to post; nothing else is used, so nothing else is asked for.
		Scopes: []string{scopeBasic, scopePublish},
	}
}
