package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
)

// The tests describe whole environments; what the tester's own shell sets must not leak in.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "SHIPPOST_") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

func TestNothingNeedsToBeSet(t *testing.T) {
	c, err := FromEnvironment()
	if err != nil {
		t.Fatalf("an empty environment was refused: %v", err)
	}
	got := map[string]string{"public": c.PublicURL, "database": c.DatabaseURL.Reveal(), "media": c.StorageDir(), "keys": c.KeyDir(),
		"quota": c.StorageQuota.String(), "level": c.Level().String(), "signup": c.Signup}
	want := map[string]string{"public": "http://localhost:8080", "database": "sqlite:data/shippost.db", "media": "data/media", "keys": "data/keys",
		"quota": "50GB", "level": "INFO", "signup": "invite"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if err := c.CheckSignIn(); err == nil || !strings.Contains(err.Error(), "shippost demo") {
		t.Errorf("without a client key CheckSignIn returned %v, want a way out", err)
	}
}

func TestRealServer(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("  from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"SHIPPOST_PUBLIC_URL": "https://posts.example.com/", "SHIPPOST_TRUSTED_PROXIES": "127.0.0.1,10.1.0.0/16",
		"SHIPPOST_DATABASE_URL": "postgres://ship:pw@db/ship", "SHIPPOST_STORAGE_URL": "file:/srv/media", "SHIPPOST_STORAGE_QUOTA": "2 TB",
		"SHIPPOST_TIKTOK_CLIENT_KEY": "aw1", "SHIPPOST_TIKTOK_CLIENT_SECRET_FILE": secret, "SHIPPOST_LOG_LEVEL": "debug",
		"SHIPPOST_ADMIN_NETWORKS": "10.1.0.0/16,2001:db8::1",
	} {
		t.Setenv(name, value)
	}
	c, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignIn(); err != nil {
		t.Errorf("CheckSignIn: %v", err)
	}
	got := []string{c.PublicURL, c.PullURL, fmt.Sprint(c.Proxies()), fmt.Sprint(c.Admins()), c.DatabaseURL.Reveal(), c.StorageDir(), fmt.Sprint(int64(c.StorageQuota)), c.ClientSecret.Reveal(), c.Level().String()}
	want := []string{"https://posts.example.com", "https://posts.example.com", "[127.0.0.1/32 10.1.0.0/16]", "[10.1.0.0/16 2001:db8::1/128]", "postgres://ship:pw@db/ship", "/srv/media", "2000000000000", "from-a-file", "DEBUG"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProblemsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, variable, message string
		change                  func(*Config)
	}{
		{"no port", "SHIPPOST_LISTEN", "127.0.0.1:8080", func(c *Config) { c.Listen = "localhost" }},
		{"port too high", "SHIPPOST_LISTEN", "127.0.0.1:8080", func(c *Config) { c.Listen = "127.0.0.1:70000" }},
		{"any port and no address", "SHIPPOST_LISTEN", "Write a port", func(c *Config) { c.Listen = "127.0.0.1:0" }},
		{"plain HTTP from the network", "SHIPPOST_LISTEN", "Write 127.0.0.1:80", func(c *Config) { c.Listen = ":80" }},
		{"public address without scheme", "SHIPPOST_PUBLIC_URL", "https://posts.example.com", func(c *Config) { c.PublicURL = "posts.example.com" }},
		{"public address with a path", "SHIPPOST_PUBLIC_URL", "write https://a.example", func(c *Config) { c.PublicURL = "https://a.example/ship" }},
		{"public address with a query", "SHIPPOST_PUBLIC_URL", "write https://a.example", func(c *Config) { c.PublicURL = "https://a.example?x=1" }},
		{"public plain HTTP", "SHIPPOST_PUBLIC_URL", "write https://a.example", func(c *Config) { c.PublicURL = "http://a.example" }},
		{"photos in plain HTTP", "SHIPPOST_PULL_URL", "https://photos.example.com", func(c *Config) { c.PullURL = "http://photos.example.com" }},
		{"photos at an address", "SHIPPOST_PULL_URL", "a domain", func(c *Config) { c.PullURL = "https://192.0.2.1" }},
		{"photos with a path", "SHIPPOST_PULL_URL", "nothing more", func(c *Config) { c.PullURL = "https://photos.example.com/pull" }},
		{"HTTPS from nowhere", "SHIPPOST_TRUSTED_PROXIES", "127.0.0.1", func(c *Config) { c.PublicURL = "https://a.example" }},
		{"unknown certificates", "SHIPPOST_CERTIFICATES", "Write acme", func(c *Config) { c.Certificates.Certificates = "letsencrypt" }},
		{"certificate for this machine", "SHIPPOST_PUBLIC_URL", "a domain", func(c *Config) { c.Certificates.Certificates = "acme" }},
		{"certificate for an address", "SHIPPOST_PUBLIC_URL", "a domain", func(c *Config) { c.Certificates.Certificates, c.PublicURL = "acme", "https://192.0.2.1" }},
		{"certificate and proxy", "SHIPPOST_CERTIFICATES", "keep one", func(c *Config) {
			c.Certificates.Certificates, c.PublicURL, c.TrustedProxies = "acme", "https://a.example", []string{"127.0.0.1"}
		}},
		{"authority in plain HTTP", "SHIPPOST_ACME_URL", "https", func(c *Config) {
			c.Certificates.Certificates, c.PublicURL, c.ACMEURL = "acme", "https://a.example", "http://ca.example/directory"
		}},
		{"redirects from nowhere", "SHIPPOST_LISTEN_HTTP", ":80", func(c *Config) {
			c.Certificates.Certificates, c.PublicURL, c.ListenHTTP = "acme", "https://a.example", "80"
		}},
		{"proxy by name", "SHIPPOST_TRUSTED_PROXIES", `"proxy.lan" is no network`, func(c *Config) { c.TrustedProxies = []string{"proxy.lan"} }},
		{"administrators by name", "SHIPPOST_ADMIN_NETWORKS", `"office.lan" is no network`, func(c *Config) { c.AdminNetworks = []string{"10.1.0.0/16", "office.lan"} }},
		{"administrators in no network", "SHIPPOST_ADMIN_NETWORKS", `"10.1.0.0/33" is no network`, func(c *Config) { c.AdminNetworks = []string{"10.1.0.0/33"} }},
		{"administrators behind a comma too many", "SHIPPOST_ADMIN_NETWORKS", `"" is no network`, func(c *Config) { c.AdminNetworks = []string{"10.1.0.0/16", ""} }},
		{"administrators in two kinds of address", "SHIPPOST_ADMIN_NETWORKS", "is no network", func(c *Config) { c.AdminNetworks = []string{"::ffff:10.1.0.0/112"} }},
		{"no data folder", "SHIPPOST_DATA_DIR", "Write a folder", func(c *Config) { c.DataDir = "" }},
		{"foreign database", "SHIPPOST_DATABASE_URL", "sqlite:/path", func(c *Config) { c.DatabaseURL = shippost.NewSecret("mysql://u:hunter2@h/d") }},
		{"database without a file", "SHIPPOST_DATABASE_URL", "names no file", func(c *Config) { c.DatabaseURL = shippost.NewSecret("sqlite:") }},
		{"foreign storage", "SHIPPOST_STORAGE_URL", "file:/srv", func(c *Config) { c.StorageURL = "s3://bucket" }},
		{"storage on a host", "SHIPPOST_STORAGE_URL", "file:/srv", func(c *Config) { c.StorageURL = "file://nas/media" }},
		{"no quota", "SHIPPOST_STORAGE_QUOTA", "50GB", func(c *Config) { c.StorageQuota = 0 }},
		{"limit below none", "SHIPPOST_API_LIMIT", "as in 300", func(c *Config) { c.APILimit = -1 }},
		{"half a registration", "SHIPPOST_TIKTOK_CLIENT_SECRET", "Write both", func(c *Config) { c.ClientKey = "aw1" }},
		{"the other half", "SHIPPOST_TIKTOK_CLIENT_KEY", "Write both", func(c *Config) { c.ClientSecret = shippost.NewSecret("s") }},
		{"API in plain HTTP", "SHIPPOST_TIKTOK_API_URL", "https", func(c *Config) { c.APIURL = "http://tiktok.example" }},
		{"API is no address", "SHIPPOST_TIKTOK_API_URL", "no web address", func(c *Config) { c.APIURL = "tiktok" }},
		{"API with a path", "SHIPPOST_TIKTOK_API_URL", "Write https://open.tiktokapis.com", func(c *Config) { c.APIURL = "https://open.tiktokapis.com/v2" }},
		{"consent page in plain HTTP", "SHIPPOST_TIKTOK_AUTHORIZE_URL", "https", func(c *Config) { c.AuthorizeURL = "http://tiktok.example/auth" }},
		{"unknown sign-up", "SHIPPOST_SIGNUP", "invite or open", func(c *Config) { c.Signup = "closed" }},
		{"name of two lines", "SHIPPOST_OPERATOR_NAME", "one line", func(c *Config) { c.OperatorName = "a\nb" }},
		{"contact is no address", "SHIPPOST_OPERATOR_CONTACT", "privacy@example.com", func(c *Config) { c.OperatorContact = "javascript:alert(1)" }},
		{"contact with a name", "SHIPPOST_OPERATOR_CONTACT", "privacy@example.com", func(c *Config) { c.OperatorContact = "A <a@b.example>" }},
		{"no mail server", "SHIPPOST_SMTP_URL", "smtp://user", func(c *Config) { c.SMTPURL, c.MailFrom = shippost.NewSecret("mail.example.com:587"), "a@b.example" }},
		{"mail over http", "SHIPPOST_SMTP_URL", "smtp://user", func(c *Config) {
			c.SMTPURL, c.MailFrom = shippost.NewSecret("https://u:hunter2@mail.example.com"), "a@b.example"
		}},
		{"user without password", "SHIPPOST_SMTP_URL", "%40", func(c *Config) {
			c.SMTPURL, c.MailFrom = shippost.NewSecret("smtp://hunter2@mail.example.com"), "a@b.example"
		}},
		{"mail from nobody", "SHIPPOST_MAIL_FROM", "Write the sender", func(c *Config) { c.SMTPURL = shippost.NewSecret("smtp://u:hunter2@mail.example.com") }},
		{"sender of two lines", "SHIPPOST_MAIL_FROM", "no mail address", func(c *Config) { c.MailFrom = "A\r\nBcc: x@y.example <a@b.example>" }},
		{"public network", "SHIPPOST_SMTP_NETWORKS", "10.1.0.0/16", func(c *Config) { c.SMTPNetworks = []string{"0.0.0.0/0"} }},
		{"unknown level", "SHIPPOST_LOG_LEVEL", "debug, info", func(c *Config) { c.LogLevel = "loud" }},
		{"unknown format", "SHIPPOST_LOG_FORMAT", "text or json", func(c *Config) { c.LogFormat = "xml" }},
		{"weak metrics token", "SHIPPOST_METRICS_TOKEN", "16 characters", func(c *Config) { c.MetricsToken = shippost.NewSecret("short") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := defaults(t)
			tc.change(&c)
			got := list(c.complete(nothing))
			if len(got) != 1 {
				t.Fatalf("got problems %v, want one about %s", got, tc.variable)
			}
			if got[0].Variable != tc.variable || !strings.Contains(got[0].Message, tc.message) {
				t.Errorf("got %q, want one about %s that says %q", got[0], tc.variable, tc.message)
			}
			if strings.Contains(got[0].Message, "hunter2") {
				t.Error("the message repeats a password")
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	c := defaults(t)
	c.Signup, c.LogFormat, c.DataDir = "closed", "xml", ""
	var got []string
	for _, p := range list(c.complete(nothing)) {
		got = append(got, p.Variable)
	}
	if diff := cmp.Diff([]string{"SHIPPOST_DATA_DIR", "SHIPPOST_SIGNUP", "SHIPPOST_LOG_FORMAT"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		env  map[string]string
		want string
	}{
		"both":       {map[string]string{"SHIPPOST_MASTER_KEY": "k", "SHIPPOST_MASTER_KEY_FILE": empty}, "Keep one"},
		"empty file": {map[string]string{"SHIPPOST_MASTER_KEY_FILE": empty}, "is empty"},
		"no file":    {map[string]string{"SHIPPOST_MASTER_KEY_FILE": empty + ".gone"}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := defaults(t)
			got := list(c.complete(func(v string) (string, bool) { text, ok := tc.env[v]; return text, ok }))
			if len(got) != 1 || !strings.Contains(got[0].Error(), tc.want) {
				t.Errorf("got %v, want one problem that says %q", got, tc.want)
			}
		})
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	t.Parallel()
	const canary = "canary-3f9a-canary-3f9a"
	c := defaults(t)
	count := 0
	for field, value := range fields(reflect.ValueOf(&c).Elem()) {
		if field.Tag.Get("secret") != "" {
			value.Set(reflect.ValueOf(shippost.NewSecret(canary)))
			count++
		}
	}
	if count < 4 {
		t.Fatalf("found %d secrets, want at least 4", count)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("set-up", "config", c, "pointer", &c)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"String": c.String(), "%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", &c), "%#v": fmt.Sprintf("%#v", c),
		"Settings": fmt.Sprint(c.Settings()), "slog": logged.String(), "JSON": string(asJSON),
	} {
		if strings.Contains(text, canary) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
		if how != "JSON" && !strings.Contains(text, "redacted") {
			t.Errorf("%s does not say that there is a secret: %s", how, text)
		}
	}
}

func TestFlagsWinAndSecretsHaveNone(t *testing.T) {
	t.Setenv("SHIPPOST_LISTEN", "127.0.0.1:1111")
	var cli struct {
		Serve struct{ Config } `cmd:""`
	}
	parser, err := kong.New(&cli, kong.Name("shippost"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve", "--listen=127.0.0.1:2222", "--tiktok-client-key=aw1"}); err != nil {
		t.Fatal(err)
	}
	if cli.Serve.Listen != "127.0.0.1:2222" || cli.Serve.ClientKey != "aw1" {
		t.Errorf("listen %q, client key %q: flags did not win", cli.Serve.Listen, cli.Serve.ClientKey)
	}
	for _, flag := range []string{"--master-key=x", "--database-url=x", "--tiktok-client-secret=x", "--metrics-token=x"} {
		if _, err := parser.Parse([]string{"serve", flag}); err == nil {
			t.Errorf("%s was taken: everyone on the machine can read the flags of a process", flag)
		}
	}
}

func TestBadSizeIsASentence(t *testing.T) {
	t.Setenv("SHIPPOST_STORAGE_QUOTA", "lots")
	_, err := FromEnvironment()
	if err == nil || !strings.Contains(err.Error(), "SHIPPOST_STORAGE_QUOTA") || !strings.Contains(err.Error(), "50GB") {
		t.Errorf("got %v, want the variable and an example", err)
	}
}

func TestEachFieldIsDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for field := range fields(reflect.ValueOf(Config{})) {
		env, secret, help := field.Tag.Get("env"), field.Tag.Get("secret"), field.Tag.Get("help")
		variable := env + secret
		if (env == "") == (secret == "") || !strings.HasPrefix(variable, "SHIPPOST_") || seen[variable] {
			t.Errorf("%s needs one variable of its own, in a tag env or secret", field.Name)
		}
		seen[variable] = true
		if isSecret := field.Type == reflect.TypeFor[shippost.Secret](); isSecret != (secret != "") {
			t.Errorf("%s: a secret has the tag secret and the type shippost.Secret", field.Name)
		}
		if !strings.HasSuffix(help, ".") {
			t.Errorf("%s: the help is a sentence, with a full stop", field.Name)
		}
	}
}

// defaults returns the set-up that an empty environment describes, before Complete.
func defaults(t *testing.T) Config {
	t.Helper()
	var c Config
	parser, err := kong.New(&c, kong.Name("shippost"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func nothing(string) (string, bool) { return "", false }

// list takes a joined error apart.
func list(err error) []Problem {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var found []Problem
	for _, e := range joined.Unwrap() {
		found = append(found, e.(Problem))
	}
	return found
}
