package listen

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"ship-post.com/shippost"
)

// securityHeaders are sent with every answer; a handler may set a stricter policy, or let public files be cached.
func securityHeaders(public *url.URL, opt Options) map[string]string {
	forms := strings.Join(append([]string{"'self'"}, opt.FormOrigins...), " ")
	h := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
			"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; " +
			"form-action " + forms + "; base-uri 'none'; frame-ancestors 'none'; " +
			"require-trusted-types-for 'script'; trusted-types svelte-trusted-html shippost",
		"X-Content-Type-Options": "nosniff",
		// Not no-referrer: that turns the Origin of a form into "null".
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Cache-Control":                "no-store",
	}
	if public.Scheme == "https" {
		h["Strict-Transport-Security"] = "max-age=63072000"
		if opt.Subdomains {
			h["Strict-Transport-Security"] += "; includeSubDomains"
		}
	}
	return h
}

func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range s.headers {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into an answer and a log entry, and keeps the server alive.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.opt.Log.Error("a handler panicked; please report this", "request", RequestOf(r.Context()).ID,
				"route", routeOf(r), "panic", p, "stack", string(debug.Stack()))
			if seen, ok := w.(*recorder); ok && seen.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			s.refuse(w, r, http.StatusInternalServerError, &shippost.Error{Kind: shippost.Internal, Code: "internal"})
		}()
		next.ServeHTTP(w, r)
	})
}

// onlyPublicHost lets pass what was sent to the public URL, over HTTPS if that says so, and what platforms fetch from a
// host of their own. A name that was made to point here by somebody else (DNS rebinding) gets nothing; a person at a
// wrong address is sent to the right one.
func (s *Server) onlyPublicHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, text := "", ""
		switch {
		case s.pull != "" && canonicalHost("https", r.Host) == s.pull && (strings.HasPrefix(r.URL.Path, "/pull/") || slices.Contains(s.opt.PullFiles, r.URL.Path)):
			next.ServeHTTP(w, r) // its proxy takes HTTPS in; the token in the path is all that counts
			return
		case canonicalHost(s.public.Scheme, r.Host) != s.public.Host:
			code, text = "wrong_host", "This server is at "+s.public.String()+"."
		case s.public.Scheme == "https" && !s.secure(r):
			code, text = "https_required", "Use "+s.public.String()+": ShipPost answers over HTTPS only."
		default:
			next.ServeHTTP(w, r)
			return
		}
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && WantsPage(r) {
			http.Redirect(w, r, s.public.String()+r.URL.EscapedPath(), http.StatusPermanentRedirect)
			return
		}
		s.refuse(w, r, http.StatusMisdirectedRequest, shippost.Errorf(shippost.Forbidden, code, "%s", text))
	})
}

// onlyAdmins lets pass what comes from a network of Options.Admins. Everybody else is answered as at any address where nothing is: that
// there is an administration is not told either.
func (s *Server) onlyAdmins(admin, nothing http.Handler) http.Handler {
	if len(s.opt.Admins) == 0 {
		return admin
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := s.client(r)
		if slices.ContainsFunc(s.opt.Admins, func(p netip.Prefix) bool { return p.Contains(from) }) {
			admin.ServeHTTP(w, r)
			return
		}
		nothing.ServeHTTP(w, r)
	})
}

// sameOrigin refuses changes that another site's page asks for. A request that carries a key and no cookie is a
// program's: no page can send it without knowing the key, so nothing is asked of it.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		program := r.Header.Get("Authorization") != "" && r.Header.Get("Cookie") == ""
		if err := s.origins.Check(r); err != nil && !program {
			s.refuse(w, r, http.StatusForbidden, shippost.Errorf(shippost.Forbidden, "cross_origin",
				"Another site asked for this, so nothing was done. Do it from ShipPost itself.").Because(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds the size of a request's body and the time it may take. Without a limit the handler does both.
func (s *Server) limitBody(limit int64, next http.Handler) http.Handler {
	if limit == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > limit {
			w.Header().Set("Connection", "close")
			s.refuse(w, r, http.StatusRequestEntityTooLarge, shippost.Errorf(shippost.Invalid, "body_too_large",
				"The request is larger than the %d kB allowed here.", limit>>10))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			ctl := http.NewResponseController(w)
			// Not every kind of connection has deadlines; the size is bounded in any case.
			_ = ctl.SetReadDeadline(time.Now().Add(bodyTimeout))
			r.Body = &timedBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit), ctl: ctl}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody takes the deadline away once the body is read: the server watches the connection while a handler works,
// and a deadline that passes then would cancel the request.
type timedBody struct {
	io.ReadCloser
	ctl *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.ctl.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *timedBody) Close() error {
	_ = b.ctl.SetReadDeadline(time.Time{})
	return b.ReadCloser.Close()
}
