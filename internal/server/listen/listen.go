// Package listen is the HTTP server around all ways in: it decides who may talk to the product at all and protects,
// counts and logs what they do. What a request means is left to the handlers it is given.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ship-post.com/shippost"
)

// Limits of the server. Bodies that may be large, and answers that may be long, have no time-out here: uploads and
// event streams watch their own progress.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	bodyTimeout   = 30 * time.Second
	headerLimit   = 32 << 10
	formLimit     = 64 << 10
	bodyLimit     = 1 << 20
)

// Routes are the handlers of the product. A nil one answers 404.
type Routes struct {
	Web     http.Handler // pages and the app: everything not named below
	API     http.Handler // /api/
	Uploads http.Handler // /uploads/
	Media   http.Handler // /media/
	Hooks   http.Handler // /hooks/: machines of the platforms; no cookies, so no same-origin proof
	Pull    http.Handler // /pull/: platforms that fetch photos
	MCP     http.Handler // /mcp
	Admin   http.Handler // /admin
}

// Options is what a Server needs. PublicURL and Log are required.
type Options struct {
	PublicURL    string         // how browsers reach the server: scheme and host, no path
	PullFiles    []string       // paths that the host of PullURL answers besides, such as those by which it is verified
	PullURL      string         // how platforms reach /pull/, "" for the public URL: its host reaches nothing else
	Listen       string         // address to listen on, such as "127.0.0.1:8080"
	TLS          *tls.Config    // nil: HTTPS is taken in by proxies
	Proxies      []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto are believed
	Admins       []netip.Prefix // networks in which /admin is there; empty: in all
	Subdomains   bool           // promise HTTPS for all subdomains of the public host too
	FormOrigins  []string       // other origins that a form may lead to: the platforms' consent pages
	MetricsToken shippost.Secret
	Metrics      *prometheus.Registry        // nil: a new one
	Ready        func(context.Context) error // nil: always ready
	Page         Page                        // renders refusals for browsers; nil: problem documents for all
	Now          func() time.Time            // nil: time.Now
	Grace        time.Duration               // how long a stop waits for open requests; 0 means 10 s
	Log          *slog.Logger
}

// Server answers HTTP requests. Make one with New.
type Server struct {
	opt     Options
	public  *url.URL
	pull    string // the host of PullURL, "" for none
	origins *http.CrossOriginProtection
	headers map[string]string
	metrics *metrics
	stop    chan struct{} // closed when the server begins to stop
	handler http.Handler
}

// New checks the options and puts the routes behind the middleware. It refuses a set-up that would send anything in
// plain text over a network, with a sentence for the operator.
func New(opt Options, routes Routes) (*Server, error) {
	public, err := checkAddress(opt)
	if err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Grace == 0 {
		opt.Grace = 10 * time.Second
	}
	if opt.Metrics == nil {
		opt.Metrics = prometheus.NewRegistry()
	}
	s := &Server{opt: opt, public: public, stop: make(chan struct{})}
	if pull, err := url.Parse(opt.PullURL); err == nil && pull.Host != "" {
		s.pull = canonicalHost(pull.Scheme, pull.Host)
	}
	s.headers = securityHeaders(public, opt)
	s.origins = http.NewCrossOriginProtection()
	if err := s.origins.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if s.metrics, err = newMetrics(opt.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.handler = s.assemble(routes)
	return s, nil
}

// Handler returns the whole server as a handler.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers requests on ln until ctx ends. It then refuses new connections, tells streams to end (see Stopping),
// waits for open requests as long as Options.Grace, and cuts what is left.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	end := context.AfterFunc(ctx, func() {
		close(s.stop)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opt.Grace)
		defer cancel()
		err := srv.Shutdown(grace)
		if err != nil {
			err = errors.Join(err, srv.Close())
		}
		stopped <- err
	})
	if s.opt.TLS != nil {
		ln = tls.NewListener(ln, s.opt.TLS)
	}
	err := srv.Serve(ln)
	if end() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

// ServeRedirects answers plain HTTP on ln until ctx ends: what challenges does not want for itself is sent to the public URL, and
// nothing else is answered.
func (s *Server) ServeRedirects(ctx context.Context, ln net.Listener, challenges func(next http.Handler) http.Handler) error {
	srv := &http.Server{
		Handler:           challenges(http.HandlerFunc(s.redirect)),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve plain HTTP: %w", err)
	}
	return nil
}

// redirect sends pages to the public URL. What else comes in plain text is refused: it may hold a key, which whoever sent it
// should learn at once.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Authorization") == "" && !strings.HasPrefix(r.URL.Path, "/api/") {
		http.Redirect(w, r, s.public.String()+r.URL.RequestURI(), http.StatusPermanentRedirect)
		return
	}
	WriteProblem(w, r, http.StatusMisdirectedRequest, shippost.Errorf(shippost.Forbidden, "https_required", "Use %s: ShipPost answers over HTTPS only.", s.public))
}

// assemble builds the routes. What differs between them stands in this table.
func (s *Server) assemble(r Routes) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.metricsPage())

	guarded := func(h http.Handler, limit int64, machines bool) http.Handler {
		if h == nil {
			h = http.HandlerFunc(s.nothing)
		}
		if h = s.limitBody(limit, h); !machines {
			h = s.sameOrigin(h)
		}
		return h
	}
	site := http.NewServeMux()
	for _, route := range []struct {
		handler  http.Handler
		limit    int64 // bytes of a request body; 0: the handler limits it
		machines bool  // no cookie counts here, so no same-origin proof is asked
		patterns []string
	}{
		{r.Web, formLimit, false, []string{"/"}},
		{r.API, bodyLimit, false, []string{"/api/"}},
		{r.Uploads, 0, false, []string{"/uploads/", "/uploads"}},
		{r.Media, bodyLimit, false, []string{"/media/"}},
		{r.MCP, bodyLimit, false, []string{"/mcp"}},
		{r.Hooks, bodyLimit, true, []string{"/hooks/"}},
		{r.Pull, formLimit, true, []string{"/pull/"}},
	} {
		for _, p := range route.patterns {
			site.Handle(p, guarded(route.handler, route.limit, route.machines))
		}
	}
	admin := s.onlyAdmins(guarded(r.Admin, formLimit, false), guarded(r.Web, formLimit, false))
	site.Handle("/admin", admin)
	site.Handle("/admin/", admin)
	mux.Handle("/", s.onlyPublicHost(site))
	return s.identify(s.observe(s.recover(s.protect(mux))))
}

func (s *Server) nothing(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, shippost.Errorf(shippost.NotFound, "page_not_found", "There is nothing at this address."))
}
