// Package config is the one place that knows how a server is set up. No other package reads the environment.
package config

import (
	"fmt"

	"github.com/alecthomas/kong"

	"ship-post.com/shippost"
)

// Config is the set-up of one server. A command embeds it, kong fills it from flags and the environment, and Complete
// reads the secrets, fills in what follows from the rest and checks everything. Nothing in it changes afterwards.
type Config struct {
	Address      `group:"Address"`
	Certificates `group:"Certificates"`
	Data         `group:"Data"`
	TikTok       `embed:"" prefix:"tiktok-" group:"TikTok"`
	People       `group:"People"`
	Mail         `group:"Mail"`
	Watching     `group:"Watching"`
}

// Address says where the server is reached.
type Address struct {
	Listen         string   `env:"SHIPPOST_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. Without HTTPS it must be this machine's own (127.0.0.1). With certificates of its own usually :443."`
	PublicURL      string   `name:"public-url" env:"SHIPPOST_PUBLIC_URL" placeholder:"URL" help:"How browsers reach the server: scheme and host, nothing more. Empty: http://localhost with the port of SHIPPOST_LISTEN."`
	PullURL        string   `name:"pull-url" env:"SHIPPOST_PULL_URL" placeholder:"URL" help:"Where TikTok fetches photos, when that is not the public URL: https and a domain that is verified for your app. Only /pull/ and the files of SHIPPOST_TIKTOK_VERIFICATION are answered there, so the app itself may stay in a private network."`
	TrustedProxies []string `env:"SHIPPOST_TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Networks of the proxies that take HTTPS in, such as 127.0.0.1/32. Only their X-Forwarded-For and X-Forwarded-Proto are believed. Needed when the public URL is https and a proxy takes HTTPS in."`
}

// Certificates says where the server's own certificate comes from.
type Certificates struct {
	Certificates string `env:"SHIPPOST_CERTIFICATES" placeholder:"acme" help:"acme: this server gets and renews its own certificate from an authority such as Let's Encrypt, whose terms you accept with it, and takes HTTPS in at SHIPPOST_LISTEN. Empty: a proxy in front does."`
	ACMEURL      string `name:"acme-url" env:"SHIPPOST_ACME_URL" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" help:"The authority's directory. Only asked with SHIPPOST_CERTIFICATES=acme."`
	ListenHTTP   string `name:"listen-http" env:"SHIPPOST_LISTEN_HTTP" default:":80" placeholder:"HOST:PORT" help:"With certificates of its own: where plain HTTP is answered, with the authority's questions and with the way to https. The authority and browsers look at port 80."`
}

// Data says where things are kept and how they are sealed.
type Data struct {
	DataDir      string          `env:"SHIPPOST_DATA_DIR" default:"data" placeholder:"DIR" help:"Folder for everything that has no place of its own: database, keys, media. It is made with mode 0700."`
	StorageURL   string          `name:"storage-url" env:"SHIPPOST_STORAGE_URL" placeholder:"URL" help:"Where media is kept: file: and a folder. Empty: the folder media in the data folder."`
	StorageQuota Bytes           `env:"SHIPPOST_STORAGE_QUOTA" default:"50GB" placeholder:"SIZE" help:"How much media one workspace may keep, such as 500MB or 2TB."`
	DatabaseURL  shippost.Secret `kong:"-" secret:"SHIPPOST_DATABASE_URL" help:"Database: sqlite: and a file, or postgres://user:password@host/name. Empty: shippost.db in the data folder."`
	MasterKey    shippost.Secret `kong:"-" secret:"SHIPPOST_MASTER_KEY" help:"Key that all stored tokens are sealed under: 32 random bytes in base64 or hex, from openssl rand -base64 32. Empty: one is made in the data folder at the first start. Without this key the tokens cannot be read again."`
}

// TikTok is our registration at TikTok.
type TikTok struct {
	ClientKey    string          `env:"SHIPPOST_TIKTOK_CLIENT_KEY" placeholder:"KEY" help:"Client key of your app at developers.tiktok.com."`
	ClientSecret shippost.Secret `kong:"-" secret:"SHIPPOST_TIKTOK_CLIENT_SECRET" help:"Client secret of your app at developers.tiktok.com."`
	Drafts       bool            `env:"SHIPPOST_TIKTOK_DRAFTS" help:"Let creators send posts to their TikTok inbox as drafts. Your app needs the scope video.upload for it; accounts that are connected already must be connected again."`
	Unaudited    bool            `env:"SHIPPOST_TIKTOK_UNAUDITED" help:"Set this until TikTok has audited your app. Posts are then made for their creators only, and the limit of five creators a day is planned with, before TikTok refuses."`
	Verification []string        `env:"SHIPPOST_TIKTOK_VERIFICATION" placeholder:"NAME=CONTENT,…" help:"Files by which TikTok verifies that your address is yours, as its portal gives them: tiktokAbC123.txt=tiktok-developers-site-verification=AbC123. They are served at the root and below /pull/, also at SHIPPOST_PULL_URL."`
	APIURL       string          `name:"api-url" env:"SHIPPOST_TIKTOK_API_URL" default:"https://open.tiktokapis.com" placeholder:"URL" help:"Where TikTok's API answers. Another address is for the simulator."`
	AuthorizeURL string          `name:"authorize-url" env:"SHIPPOST_TIKTOK_AUTHORIZE_URL" default:"https://www.tiktok.com/v2/auth/authorize/" placeholder:"URL" help:"The page on which creators agree. Another address is for the simulator."`
}

// People says who may use the server, and who runs it.
type People struct {
	Signup string `env:"SHIPPOST_SIGNUP" default:"invite" placeholder:"invite|open" help:"Who may sign in for the first time: invite (only people a workspace invited) or open (anyone with a TikTok account)."`

	AdminNetworks []string `env:"SHIPPOST_ADMIN_NETWORKS" placeholder:"CIDR,…" help:"Networks from which /admin can be reached, such as 10.1.0.0/16, as this server and its trusted proxies see addresses. For all others there is nothing at /admin. Empty: it can be reached from everywhere."`

	APILimit int `name:"api-limit" env:"SHIPPOST_API_LIMIT" default:"300" placeholder:"NUMBER" help:"How many requests to the API a person may make in a minute, all their browsers and keys together; each of their keys may change something a fifth as often. 0: as many as they like."`

	OperatorName    string `env:"SHIPPOST_OPERATOR_NAME" placeholder:"NAME" help:"Person or company that runs the server, as the privacy policy and the terms name them."`
	OperatorContact string `env:"SHIPPOST_OPERATOR_CONTACT" placeholder:"MAIL" help:"Mail address for questions about data, as the privacy policy and the terms name it."`
}

// Mail says how the server sends mail. Without SMTPURL it sends none.
type Mail struct {
	SMTPURL      shippost.Secret `kong:"-" secret:"SHIPPOST_SMTP_URL" help:"Mail server: smtp://user:password@host:587 (STARTTLS, which the server must offer) or smtps://user:password@host:465 (TLS from the start). Write special characters of user and password as in web addresses (@ is %40). Empty: this server sends no mail, and its pages say so."`
	MailFrom     string          `name:"mail-from" env:"SHIPPOST_MAIL_FROM" placeholder:"ADDRESS" help:"Sender of all mail: an address, or a name and an address, as in ShipPost <posts@example.com>. Empty: SHIPPOST_OPERATOR_CONTACT."`
	SMTPNetworks []string        `name:"smtp-networks" env:"SHIPPOST_SMTP_NETWORKS" placeholder:"CIDR,…" help:"Private networks in which your mail server stands, such as 10.1.0.0/16. Not needed for one with a public address or on this machine."`
}

// Watching says what the server tells its operator.
type Watching struct {
	Usage        string          `env:"SHIPPOST_USAGE" default:"on" placeholder:"on|off" help:"Count page views: on or off. A row has a shortened network address, the family of browser, the page and the minute, and goes within 14 days; counts of days stay for two years. Off: nothing is written, and rows from before are removed."`
	LogLevel     string          `env:"SHIPPOST_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"What is logged: debug, info, warn or error. No level logs tokens, captions or addresses that work as keys."`
	LogFormat    string          `env:"SHIPPOST_LOG_FORMAT" default:"text" placeholder:"text|json" help:"How log lines look: text or json."`
	MetricsToken shippost.Secret `kong:"-" secret:"SHIPPOST_METRICS_TOKEN" help:"Token that /metrics asks for (Authorization: Bearer …), at least 16 characters. Empty: /metrics answers this machine only."`
}

// FromEnvironment returns the set-up that the environment alone describes, complete and checked.
func FromEnvironment() (Config, error) {
	var c Config
	parser, err := kong.New(&c, kong.Name("shippost"))
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	if _, err := parser.Parse(nil); err != nil {
		return Config{}, err
	}
	return c, c.Complete()
}
