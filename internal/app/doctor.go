package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/mail"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// Finding is the result of one check of a set-up.
type Finding struct {
	Check   string `json:"check"`
	State   string `json:"state"` // "ok", "warning" or "failure"
	Message string `json:"message"`
}

// The states of findings.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingFailure = "failure"
)

// Limits of the doctor.
const (
	clockTolerance = 30 * time.Second
	freeNeeded     = 2 << 30
	examineTime    = 30 * time.Second
)

// Examine checks a set-up from outside, beside a server that runs or without one: it changes nothing. invalid is what Config.Complete
// found.
func Examine(ctx context.Context, c config.Config, invalid error) []Finding {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	d := doctor{config: c, now: time.Now}
	d.settings(invalid)
	d.admins()
	d.database(ctx)
	d.app(ctx)
	d.storage()
	d.log(ctx)
	d.programs()
	d.addresses(ctx)
	d.mail(ctx)
	return d.found
}

type doctor struct {
	config   config.Config
	through  PullAddress // where the public addresses are really asked; zero outside of tests
	now      func() time.Time
	accounts []shippost.Account // as the database has them
	found    []Finding
}

func (d *doctor) note(check, state, format string, args ...any) {
	d.found = append(d.found, Finding{check, state, fmt.Sprintf(format, args...)})
}

// admins says from where the administration can be reached.
func (d *doctor) admins() {
	list := d.config.Admins()
	if len(list) < len(d.config.AdminNetworks) {
		return // the settings say so
	}
	if len(list) > 0 {
		var names []string
		for _, p := range list {
			names = append(names, p.String())
		}
		d.note("admin", FindingOK, "/admin can be reached from %s alone (SHIPPOST_ADMIN_NETWORKS); for all others there is nothing.", strings.Join(names, ", "))
		return
	}
	d.note("admin", FindingOK, "/admin can be reached from every network. SHIPPOST_ADMIN_NETWORKS can name those from which alone it may be.")
}

func (d *doctor) settings(invalid error) {
	if invalid == nil {
		d.note("settings", FindingOK, "The settings can be meant.")
		return
	}
	var problem config.Problem
	for _, err := range flat(invalid) {
		if errors.As(err, &problem) {
			d.note("settings", FindingFailure, "%s %s", problem.Variable, problem.Message)
		} else {
			d.note("settings", FindingFailure, "%s", err)
		}
	}
}

// flat returns the errors that were joined.
func flat(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// app looks at the registration with TikTok, and at the clock by TikTok's.
func (d *doctor) app(ctx context.Context) {
	c := d.config
	if err := c.CheckSignIn(); err != nil {
		d.note("keys", FindingFailure, "%s", err)
		return
	}
	if c.ClientSecret.IsZero() {
		return // the settings say so
	}
	clients, err := outbound.New(tiktok.Policy(c.APIURL))
	if err != nil {
		d.note("keys", FindingFailure, "%s", err)
		return
	}
	defer clients.Close()
	t, err := tiktok.New(tiktok.Options{APIURL: c.APIURL, AuthorizeURL: c.AuthorizeURL, ClientKey: c.ClientKey, ClientSecret: c.ClientSecret, Drafts: c.Drafts, Clients: clients})
	if err != nil {
		d.note("keys", FindingFailure, "%s", err)
		return
	}
	switch err := t.CheckKeys(ctx); {
	case tiktok.KeysRefused(err):
		d.note("keys", FindingFailure, "TikTok does not accept the client key with this secret. Copy both anew from the app's page; sandbox and production have their own.")
	case err != nil:
		d.note("keys", FindingWarning, "Client key and client secret are set, and TikTok did not answer whether they are right.")
	case strings.HasPrefix(c.ClientKey, "sb"):
		d.note("keys", FindingWarning, "TikTok knows key and secret. They are those of a sandbox: only its target users can sign in, and nothing becomes public.")
	default:
		d.note("keys", FindingOK, "TikTok knows the client key, and the secret belongs to it.")
	}
	redirect := c.PublicURL + "/callback/tiktok"
	if err := tiktok.CheckRedirect(redirect); err != nil {
		d.note("redirect", FindingFailure, "TikTok would not take the redirect URI %s: %s. Set SHIPPOST_PUBLIC_URL to the address that people use.", redirect, err)
	} else {
		d.note("redirect", FindingOK, "Register exactly this redirect URI at TikTok: %s", redirect)
	}
	d.scopes(t.Describe().Scopes)
	if c.Unaudited {
		d.note("audit", FindingWarning, "The app counts as not audited: posts are visible to their creators only. After the audit take SHIPPOST_TIKTOK_UNAUDITED away.")
	}
	if err := t.AskTime(ctx); err != nil {
		d.note("clock", FindingWarning, "TikTok (%s) does not answer from here, so nobody knows whether the clock is right.", c.APIURL)
		return
	}
	at, ago, ok := t.Heard()
	switch off := time.Since(at.Add(ago)).Abs(); {
	case !ok:
		d.note("clock", FindingWarning, "TikTok's answer does not say what time it is.")
	case off > clockTolerance:
		d.note("clock", FindingFailure, "The clock is %s off by TikTok's. Nothing is published until it is right: let NTP keep it.", off.Round(time.Second))
	default:
		d.note("clock", FindingOK, "The clock agrees with TikTok's.")
	}
}

// scopes holds what each creator granted against what is needed.
func (d *doctor) scopes(needed []string) {
	d.note("scopes", FindingOK, "Your app needs these scopes, and no others: %s.", strings.Join(needed, ", "))
	whole := 0
	for _, a := range d.accounts {
		if a.Platform != shippost.TikTok {
			continue
		}
		var missing []string
		for _, scope := range needed {
			if !a.HasScope(scope) {
				missing = append(missing, scope)
			}
		}
		switch name := a.Handle; {
		case len(missing) > 0:
			d.note("granted", FindingWarning, "@%s did not grant %s. Its creator connects the account again and leaves every permission on; a renewal of the token does not help.", name, strings.Join(missing, ", "))
		case a.Status == shippost.AccountReconnect:
			d.note("granted", FindingWarning, "@%s: %s Its creator connects the account again.", name, a.Why())
		default:
			whole++
		}
	}
	if whole > 0 || len(d.accounts) == 0 {
		d.note("granted", FindingOK, "%d connected accounts granted everything that is needed.", whole)
	}
}

// database looks at what decides whether a confirmed commit can be lost, and at the accounts.
func (d *doctor) database(ctx context.Context) {
	address := d.config.DatabaseURL.Reveal()
	if address == "" && d.config.DataDir != "" {
		address = "sqlite:" + filepath.Join(d.config.DataDir, "shippost.db")
	}
	if address == "" {
		return // the settings say so
	}
	e, err := store.Examine(ctx, address)
	switch {
	case err != nil:
		d.note("database", FindingFailure, "%s", shippost.AsError(err).Message)
	case !e.There:
		d.note("database", FindingWarning, "The database is not there yet; the first start makes it.")
	default:
		d.note("database", FindingOK, "%s %s keeps what it confirmed through a power cut (%s).", map[store.Engine]string{store.SQLite: "SQLite", store.Postgres: "PostgreSQL"}[e.Engine], e.Version, e.Settings)
	}
	d.accounts = e.Accounts
}

func (d *doctor) storage() {
	if d.config.DataDir == "" || d.config.StorageDir() == "" {
		return
	}
	for _, dir := range []string{d.config.DataDir, d.config.StorageDir()} {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			d.note("storage", FindingWarning, "The folder %s is not there yet; the first start makes it.", dir)
			return
		}
		probe, err := os.CreateTemp(dir, "doctor-")
		if err != nil {
			d.note("storage", FindingFailure, "The folder %s cannot be written to: check its owner.", dir)
			return
		}
		if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
			d.note("storage", FindingFailure, "The folder %s takes no files as it should: %s", dir, err)
			return
		}
	}
	s, err := spool.Open(d.config.StorageDir())
	if err != nil {
		d.note("storage", FindingFailure, "%s", err)
		return
	}
	free, total, err := s.Space()
	switch err = errors.Join(err, s.Close()); {
	case err != nil:
		d.note("storage", FindingWarning, "Nobody knows how much space is free: %s", err)
	default:
		d.space(free, total)
	}
}

// log checks the audit log.
func (d *doctor) log(ctx context.Context) {
	if d.config.DatabaseURL.IsZero() {
		return // the settings say so
	}
	r, err := VerifyAudit(ctx, d.config)
	switch e := shippost.AsError(err); {
	case shippost.IsCode(err, "no_database"):
		return // the database says so
	case err != nil && e.Message != "":
		d.note("audit log", FindingWarning, "It could not be checked: %s", e.Message)
	case err != nil:
		d.note("audit log", FindingWarning, "It could not be checked: %s", err)
	case r.Breaks > 0:
		d.note("audit log", FindingFailure, "%s shippost admin audit verify tells more.", r.Sentence())
	default:
		d.note("audit log", FindingOK, "%s", r.Sentence())
	}
}

// space says whether enough of the disk is free.
func (d *doctor) space(free, total int64) {
	if free < max(freeNeeded, total/20) {
		d.note("storage", FindingFailure, "Too little space is free for new files: %s. At least 2 GB and a twentieth of the disk are kept free.", config.Bytes(free))
		return
	}
	d.note("storage", FindingOK, "The folders can be written to; %s are free.", config.Bytes(free))
}

func (d *doctor) programs() {
	if probe.FFmpeg() == "" {
		d.note("ffmpeg", FindingWarning, "ffmpeg is not installed: videos that do not fit cannot be converted here, and posters come from the browser. Debian: apt install ffmpeg")
	} else {
		d.note("ffmpeg", FindingOK, "ffmpeg is there: videos that do not fit can be converted.")
	}
	if probe.HEIFDecoder() == "" {
		d.note("heif", FindingWarning, "No decoder of HEIC photos is installed: people are asked to export JPEG. Debian: apt install libheif-examples")
	} else {
		d.note("heif", FindingOK, "HEIC photos can be read.")
	}
}

// mail greets the mail server and signs in, and sends nothing.
func (d *doctor) mail(ctx context.Context) {
	c := d.config
	if !c.SendsMail() {
		d.note("mail", FindingWarning, "No mail server is set up: nobody gets mail from this server, and you are told of requests in /admin and in the log alone. Set SHIPPOST_SMTP_URL.")
		return
	}
	if c.MailServer().Host == "" || c.MailSender() == "" {
		return // the settings say so
	}
	clients, err := outbound.New(mailPolicy(c))
	if err != nil {
		d.note("mail", FindingFailure, "The host of SHIPPOST_SMTP_URL is none that can be reached: write a host name, or an address in its usual spelling.")
		return
	}
	defer clients.Close()
	server, err := newMailServer(c, clients, nil)
	if err != nil {
		d.note("mail", FindingFailure, "%s", err)
		return
	}
	failure, failed := errors.AsType[*mail.Failure](server.Check(ctx))
	_, refused := errors.AsType[*outbound.Refused](failure.Unwrap())
	switch {
	case refused:
		d.note("mail", FindingFailure, "The mail server stands in a private network. If that is meant, name the network in SHIPPOST_SMTP_NETWORKS.")
	case failed:
		d.note("mail", FindingFailure, "%s Look at SHIPPOST_SMTP_URL.", failure.Why())
	default:
		d.note("mail", FindingOK, "The mail server answers and lets this server in. Nothing was sent. Mail comes from %s.", c.MailSender())
	}
}
