// Package tiktok publishes videos and photos to TikTok: Login Kit and the Content Posting API as TikTok's contract describes them.
//
// A video is staged with one init request and then uploaded, all but its last bytes; until those arrive TikTok cannot
// publish anything. Commit releases them. Photos are fetched by TikTok from addresses that give nothing before the
// commit; their init request waits for the due time. Every answer is judged by its body, never by its status alone, and no request
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
	scopeDrafts  = "video.upload"
)

// unauditedCreators is how many creators an app that TikTok has not audited may serve within 24 hours (TikTok contract 4.13).
const unauditedCreators = 5

// Options is how to reach TikTok, or a simulator. Clients, ClientKey and ClientSecret are required.
type Options struct {
	APIURL       string // scheme and host; "" for TikTok's own
	AuthorizeURL string // where browsers are sent; "" for TikTok's own
	ClientKey    string
	ClientSecret shippost.Secret
	Clients      *outbound.Clients
	// Pictures are for the pictures of creators; see PicturePolicy. Nil fetches none.
	Pictures *outbound.Clients
	// Drafts lets posts be sent to the creator's inbox, for which the app needs one scope more.
	Drafts bool
	// Unaudited says that TikTok has not audited the app: posts are visible to their creators only, and few may post in a day.
	Unaudited bool
	// Converts says that this server can make files anew that do not fit, so that problems offer it.
	Converts bool
	// UploadHosts are the hosts that upload addresses may name: rules as in outbound.Policy, or host:port on this
	// machine. Nil means those that belong to APIURL.
	UploadHosts []string
	// Hold is the longest time that a request is kept open before its last bytes; 0 means two minutes.
	Hold time.Duration
	// ChunkSize, when not 0, has every file of two chunks or more travel in chunks of that size, 5 to 64 MB; all nodes must
	// agree on it. 0 means one request up to 64 MB, and chunks of 16 MiB beyond.
	ChunkSize int64
	// Held is how many requests may be kept open at once; more are sent whole at the instant. 0 means 2000.
	Held int
	Now  func() time.Time // nil means time.Now
	Log  *slog.Logger     // nil drops it
}

// Client is the connection to TikTok. It may be used from many goroutines at once.
type Client struct {
	api, authorize string
	site           string // where viewers are: scheme and host of the page on which creators agree
	key            string
	secret         shippost.Secret
	clients        *outbound.Clients
	pictures       *outbound.Clients
	uploadHosts    []string
	drafts         bool
	converts       bool
	unaudited      bool
	now            func() time.Time
	log            *slog.Logger
	hold           holdRules
	sizes          sizes
	slots          chan struct{} // one for each request that may be kept open
	line           *line
	told           told // what time the latest answer said it was
}

var (
	_ platform.Platform      = (*Client)(nil)
	_ platform.CreatorReader = (*Client)(nil)
	_ platform.Adjuster      = (*Client)(nil)
	_ platform.Authorizer    = (*Client)(nil)
	_ platform.Refresher     = (*Client)(nil)
	_ platform.Revoker       = (*Client)(nil)
	_ platform.EventReader   = (*Client)(nil)
	_ platform.Puller        = (*Client)(nil)
	_ platform.Canceller     = (*Client)(nil)
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
	consent, err := url.Parse(o.AuthorizeURL)
	if err != nil || consent.Host == "" || consent.Scheme != "https" && !onLoopback(consent) {
		return nil, fmt.Errorf("tiktok: %q is not an address browsers can be sent to", o.AuthorizeURL)
	}
	c := &Client{api: api, authorize: o.AuthorizeURL, site: consent.Scheme + "://" + consent.Host, key: o.ClientKey, secret: o.ClientSecret, clients: o.Clients, pictures: o.Pictures,
		uploadHosts: o.UploadHosts, drafts: o.Drafts, converts: o.Converts, unaudited: o.Unaudited, now: o.Now, log: o.Log, hold: defaultHold, sizes: usual, line: newLine()}
	if n := o.ChunkSize; n != 0 {
		if n < 5<<20 || n > wholeLimit {
			return nil, fmt.Errorf("tiktok: chunks of %d bytes are against TikTok's rules", n)
		}
		c.sizes = sizes{whole: 2*n - 1, chunk: n}
	}
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
	// Name and picture for people, and the right to post; nothing else is used, so nothing else is asked for.
	scopes, drafts := []string{scopeBasic, scopePublish}, ""
	if c.drafts {
		scopes, drafts = append(scopes, scopeDrafts), scopeDrafts
	}
	creators := 0
	if c.unaudited {
		creators = unauditedCreators
	}
	return platform.Description{
		DailyCreators: creators,
		Name:          shippost.TikTok, Title: "TikTok",
		OpenLife: time.Hour, EarliestStage: 40 * time.Minute,
		DailyPosts: 15, // it differs from creator to creator and is shared by all apps (TikTok contract 4.13)
		Scopes:     scopes, DraftScope: drafts,
	}
}
