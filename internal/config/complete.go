package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"

	"ship-post.com/shippost"
)

// Problem is one thing that is wrong with the set-up.
type Problem struct {
	Variable string // the environment variable to change
	Message  string // what is wrong with it, and what to write
}

// Error returns the variable and the message.
func (p Problem) Error() string { return p.Variable + ": " + p.Message }

// Complete reads the secrets from the environment, fills in what follows from the other values and checks
// everything. The error joins one Problem for each thing that is wrong, in the order of the fields.
func (c *Config) Complete() error {
	return c.complete(os.LookupEnv)
}

// CompleteAlone does what Complete does without looking at the environment, for a set-up that is made in code.
func (c *Config) CompleteAlone() error {
	return c.complete(func(string) (string, bool) { return "", false })
}

func (c *Config) complete(lookup func(string) (string, bool)) error {
	var found problems
	c.readSecrets(lookup, &found)
	c.fill()
	c.checkAddress(&found)
	c.checkCertificates(&found)
	c.checkData(&found)
	c.checkTikTok(&found)
	c.checkVerification(&found)
	c.checkRest(&found)
	c.checkMail(&found)
	return errors.Join(found...)
}

// CheckSignIn returns a Problem if nobody could sign in, because TikTok does not know this server.
func (c *Config) CheckSignIn() error {
	if c.ClientKey != "" {
		return nil
	}
	return Problem{"SHIPPOST_TIKTOK_CLIENT_KEY", "is not set, so nobody can sign in. Register an app at developers.tiktok.com and " +
		"write its client key here and its client secret in SHIPPOST_TIKTOK_CLIENT_SECRET, or try ShipPost without one: shippost demo"}
}

// Proxies returns the trusted proxies. Complete has checked them.
func (c *Config) Proxies() []netip.Prefix {
	return networks(c.TrustedProxies)
}

// Admins returns the networks from which /admin can be reached; none means all. Complete has checked them.
func (c *Config) Admins() []netip.Prefix {
	return networks(c.AdminNetworks)
}

func networks(texts []string) (list []netip.Prefix) {
	for _, text := range texts {
		if p, err := parseNetwork(text); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// Level returns the log level. Complete has checked it.
func (c *Config) Level() slog.Level {
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		return slog.LevelInfo
	}
	return level
}

// StorageDir returns the folder that media is kept in.
func (c *Config) StorageDir() string {
	u, err := url.Parse(c.StorageURL)
	if err != nil {
		return ""
	}
	return cmp.Or(u.Opaque, u.Path)
}

// KeyDir returns the folder that keys are kept in when MasterKey is zero.
func (c *Config) KeyDir() string { return filepath.Join(c.DataDir, "keys") }

// problems collects what is wrong.
type problems []error

func (p *problems) add(variable, format string, args ...any) {
	*p = append(*p, Problem{variable, fmt.Sprintf(format, args...)})
}

// fill sets what follows from other values.
func (c *Config) fill() {
	if _, port, err := net.SplitHostPort(c.Listen); err == nil && c.PublicURL == "" && port != "0" {
		c.PublicURL = "http://localhost:" + port
	}
	c.Usage = cmp.Or(c.Usage, "on")
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	c.PullURL = strings.TrimSuffix(c.PullURL, "/")
	if c.PullURL == "" && strings.HasPrefix(c.PublicURL, "https://") {
		c.PullURL = c.PublicURL
	}
	if c.DatabaseURL.IsZero() && c.DataDir != "" {
		c.DatabaseURL = shippost.NewSecret("sqlite:" + filepath.Join(c.DataDir, "shippost.db"))
	}
	if c.StorageURL == "" && c.DataDir != "" {
		c.StorageURL = "file:" + filepath.Join(c.DataDir, "media")
	}
}

func (c *Config) checkAddress(found *problems) {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		found.add("SHIPPOST_LISTEN", "%q is no address. Write a host and a port, as in 127.0.0.1:8080", c.Listen)
		return
	} else if n == 0 && c.PublicURL == "" {
		found.add("SHIPPOST_LISTEN", "port 0 means any free port, so nobody knows the address. Write a port, or set SHIPPOST_PUBLIC_URL")
		return
	}
	for _, text := range c.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			found.add("SHIPPOST_TRUSTED_PROXIES", "%q is no network. Write addresses or networks with commas between, as in 127.0.0.1,10.1.0.0/16", text)
		}
	}
	if pull, err := url.Parse(c.PullURL); c.PullURL != "" && c.PullURL != c.PublicURL &&
		(err != nil || pull.Scheme != "https" || *pull != (url.URL{Scheme: "https", Host: pull.Host}) || pull.Hostname() == "" || isAddress(pull.Hostname())) {
		found.add("SHIPPOST_PULL_URL", "%q is no address that TikTok fetches from. Write https and a domain, nothing more, as in https://photos.example.com", c.PullURL)
	}
	public, err := url.Parse(c.PublicURL)
	switch {
	case err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https":
		found.add("SHIPPOST_PUBLIC_URL", "%q is no web address. Write one like https://posts.example.com", c.PublicURL)
	case public.User != nil || public.RawQuery != "" || public.Fragment != "" || public.Path != "":
		found.add("SHIPPOST_PUBLIC_URL", "%q has more than scheme and host. ShipPost is served at the root of its host: write %s://%s", c.PublicURL, public.Scheme, public.Host)
	case c.OwnCertificates() && (public.Scheme != "https" || isAddress(public.Hostname()) || !strings.Contains(public.Hostname(), ".")):
		found.add("SHIPPOST_PUBLIC_URL", "%s can have no certificate of its own. Write https and a domain, as in https://posts.example.com", c.PublicURL)
	case c.OwnCertificates() && len(c.TrustedProxies) > 0:
		found.add("SHIPPOST_CERTIFICATES", "is set, and so is SHIPPOST_TRUSTED_PROXIES. Either a proxy takes HTTPS in, or this server does: keep one of them")
	case public.Scheme == "https" && len(c.TrustedProxies) == 0 && !c.OwnCertificates():
		found.add("SHIPPOST_TRUSTED_PROXIES", "is not set, but the public URL is https. Write the address of the proxy that takes HTTPS in, as in 127.0.0.1, or set SHIPPOST_CERTIFICATES=acme to go without a proxy")
	case public.Scheme == "http" && !thisMachine(public.Hostname()):
		found.add("SHIPPOST_PUBLIC_URL", "%s is plain HTTP: cookies and videos would travel unprotected. Put a proxy with HTTPS in front and write https://%s", c.PublicURL, public.Host)
	case public.Scheme == "http" && !thisMachine(host):
		found.add("SHIPPOST_LISTEN", "%s takes plain HTTP from the network. Write 127.0.0.1:%s, or put a proxy with HTTPS in front and set SHIPPOST_PUBLIC_URL to its https address", c.Listen, port)
	}
}

// OwnCertificates reports whether this server takes HTTPS in by itself.
func (c *Config) OwnCertificates() bool { return c.Certificates.Certificates == "acme" }

// CertificateHosts returns the names that need a certificate. Complete has checked them.
func (c *Config) CertificateHosts() (hosts []string) {
	for _, text := range []string{c.PublicURL, c.PullURL} {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" && !slices.Contains(hosts, strings.ToLower(u.Hostname())) {
			hosts = append(hosts, strings.ToLower(u.Hostname()))
		}
	}
	return hosts
}

func (c *Config) checkCertificates(found *problems) {
	if !c.OwnCertificates() {
		if c.Certificates.Certificates != "" {
			found.add("SHIPPOST_CERTIFICATES", "%q is not known. Write acme, or nothing", c.Certificates.Certificates)
		}
		return
	}
	u, err := url.Parse(c.ACMEURL)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Port() != "" && u.Port() != "443" && !thisMachine(u.Hostname()) {
		found.add("SHIPPOST_ACME_URL", "%q is no directory of an authority. Write an https address without a port of its own", c.ACMEURL)
	}
	_, port, err := net.SplitHostPort(c.ListenHTTP)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 && c.Listen == c.ListenHTTP {
		found.add("SHIPPOST_LISTEN_HTTP", "%q is no address. Write a port with or without a host, as in :80", c.ListenHTTP)
	}
}

func (c *Config) checkData(found *problems) {
	if c.DataDir == "" {
		found.add("SHIPPOST_DATA_DIR", "is empty. Write a folder, as in /var/lib/shippost")
	}
	database := c.DatabaseURL.Reveal()
	switch scheme, rest, _ := strings.Cut(database, ":"); {
	case database == "":
	case scheme == "sqlite" && rest == "":
		found.add("SHIPPOST_DATABASE_URL", "names no file. Write one, as in sqlite:/var/lib/shippost/shippost.db")
	case scheme != "sqlite" && scheme != "postgres" && scheme != "postgresql":
		// The value may hold a password, so it is not repeated.
		found.add("SHIPPOST_DATABASE_URL", "is of an unknown kind. Write sqlite:/path/to/shippost.db or postgres://user:password@host/name")
	}
	storage, err := url.Parse(c.StorageURL)
	if c.StorageURL != "" && (err != nil || storage.Scheme != "file" || storage.Host != "" || c.StorageDir() == "") {
		found.add("SHIPPOST_STORAGE_URL", "%q names no folder. Write one, as in file:/srv/shippost/media", c.StorageURL)
	}
	if c.StorageQuota <= 0 {
		found.add("SHIPPOST_STORAGE_QUOTA", "leaves no room for any file. Write a size, as in 50GB")
	}
	if c.APILimit < 0 {
		found.add("SHIPPOST_API_LIMIT", "is below 0. Write how many requests a person may make in a minute, as in 300, or 0 for no limit")
	}
}

func (c *Config) checkTikTok(found *problems) {
	switch {
	case c.ClientKey == "" && !c.ClientSecret.IsZero():
		found.add("SHIPPOST_TIKTOK_CLIENT_KEY", "is not set, but the client secret is. Write both, or none")
	case c.ClientKey != "" && c.ClientSecret.IsZero():
		found.add("SHIPPOST_TIKTOK_CLIENT_SECRET", "is not set, but the client key is. Write both, or none; SHIPPOST_TIKTOK_CLIENT_SECRET_FILE names a file that holds it")
	}
	for _, a := range []struct{ variable, address string }{
		{"SHIPPOST_TIKTOK_API_URL", c.APIURL}, {"SHIPPOST_TIKTOK_AUTHORIZE_URL", c.AuthorizeURL},
	} {
		u, err := url.Parse(a.address)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https":
			found.add(a.variable, "%q is no web address. Leave it out to talk to TikTok itself", a.address)
		case u.Scheme == "http" && !thisMachine(u.Hostname()):
			found.add(a.variable, "%s is plain HTTP: tokens would travel unprotected. Write an https address, or one on this machine", a.address)
		case a.address == c.APIURL && strings.Trim(u.Path, "/") != "":
			found.add(a.variable, "%q has more than scheme and host. Write %s://%s", a.address, u.Scheme, u.Host)
		}
	}
}

// verificationFile is the name of a file that TikTok looks for.
var verificationFile = regexp.MustCompile(`^tiktok[A-Za-z0-9_-]{1,80}\.txt$`)

// VerificationFiles returns the files by which TikTok verifies the address, contents by name. Complete has checked them.
func (c *Config) VerificationFiles() map[string]string {
	files := map[string]string{}
	for _, text := range c.Verification {
		if name, content, ok := strings.Cut(text, "="); ok {
			files[name] = content
		}
	}
	return files
}

func (c *Config) checkVerification(found *problems) {
	for _, text := range c.Verification {
		name, content, ok := strings.Cut(text, "=")
		if !ok || !verificationFile.MatchString(name) || content == "" || len(content) > 500 || strings.ContainsFunc(content, unicode.IsControl) {
			found.add("SHIPPOST_TIKTOK_VERIFICATION", "%q is no file of TikTok's. Write its name, an equals sign and its content, as in tiktokAbC123.txt=tiktok-developers-site-verification=AbC123", name)
		}
	}
}

func (c *Config) checkRest(found *problems) {
	if c.Usage != "on" && c.Usage != "off" {
		found.add("SHIPPOST_USAGE", "%q is not known. Write on or off", c.Usage)
	}
	for _, text := range c.AdminNetworks {
		// An address of one kind written as the other would match nobody, and keep everybody out.
		if p, err := parseNetwork(text); err != nil || p.Addr().Is4In6() {
			found.add("SHIPPOST_ADMIN_NETWORKS", "%q is no network. Write addresses or networks with commas between, as in 10.1.0.0/16,2001:db8::/48", text)
		}
	}
	if c.Signup != "invite" && c.Signup != "open" {
		found.add("SHIPPOST_SIGNUP", "%q is not known. Write invite or open", c.Signup)
	}
	if strings.ContainsFunc(c.OperatorName, unicode.IsControl) || len(c.OperatorName) > 200 {
		found.add("SHIPPOST_OPERATOR_NAME", "is no name. Write one line of at most 200 characters")
	}
	if a, err := mail.ParseAddress(c.OperatorContact); c.OperatorContact != "" && (err != nil || a.Address != c.OperatorContact) {
		found.add("SHIPPOST_OPERATOR_CONTACT", "%q is no mail address. Write one like privacy@example.com", c.OperatorContact)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		found.add("SHIPPOST_LOG_LEVEL", "%q is not known. Write debug, info, warn or error", c.LogLevel)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		found.add("SHIPPOST_LOG_FORMAT", "%q is not known. Write text or json", c.LogFormat)
	}
	if token := c.MetricsToken.Reveal(); token != "" && len(token) < 16 {
		found.add("SHIPPOST_METRICS_TOKEN", "is too short to keep anyone out. Write at least 16 characters, for example from: openssl rand -hex 16")
	}
}

// parseNetwork reads an address or a network.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(text)
}

// thisMachine reports whether a host always means the machine it is used on.
func thisMachine(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isAddress reports whether a host is an IP address and no name.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Bytes is a size that is written for people, such as 50GB.
type Bytes int64

// UnmarshalText reads a size with a decimal (GB) or binary (GiB) unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is no size. Write one like 500MB or 50GB", text)
	}
	*b = Bytes(n)
	return nil
}

// String returns the size with a unit.
func (b Bytes) String() string { return strings.ReplaceAll(humanize.Bytes(uint64(max(b, 0))), " ", "") }
