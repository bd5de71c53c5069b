package listen

import (
	"crypto/subtle"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics carry routes and statuses, never users.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  prometheus.Gauge
}

func newMetrics(reg *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shippost_http_requests_total", Help: "HTTP requests by route and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "shippost_http_request_seconds", Help: "Time from the header of a request to the end of its answer.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 300},
		}, []string{"route"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "shippost_http_streams", Help: "Event streams that are open."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.streams} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observe counts and logs each request: by route pattern, because paths and queries may hold ids and secrets.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.opt.Now()
		seen := &recorder{ResponseWriter: w, streams: s.metrics.streams}
		defer func() {
			took := s.opt.Now().Sub(start)
			route, method, status := routeOf(r), methodOf(r), seen.status
			if status == 0 {
				status = http.StatusOK
			}
			s.metrics.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
			if seen.stream {
				s.metrics.streams.Dec() // how long somebody watched says nothing about how fast we are
			} else {
				s.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
			}
			level := slog.LevelInfo
			if route == "/healthz" || route == "/readyz" || route == "/metrics" {
				level = slog.LevelDebug
			}
			req := RequestOf(r.Context())
			s.opt.Log.LogAttrs(r.Context(), level, "request", slog.String("request", string(req.ID)),
				slog.String("method", method), slog.String("route", route), slog.Int("status", status),
				slog.Int64("bytes", seen.bytes), slog.Duration("took", took), slog.String("network", req.Network))
		}()
		next.ServeHTTP(seen, r)
	})
}

// routeOf returns the pattern that answered, without its method.
func routeOf(r *http.Request) string {
	if r.Pattern == "" {
		return "unmatched"
	}
	return r.Pattern[strings.IndexByte(r.Pattern, ' ')+1:]
}

func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	default:
		return "other" // anyone may invent methods; the metrics must not grow with them
	}
}

// recorder remembers what was answered. Unwrap keeps flushing and deadlines reachable, ReadFrom keeps sendfile.
type recorder struct {
	http.ResponseWriter
	status  int
	bytes   int64
	stream  bool // an event stream, which ends when its reader leaves
	streams prometheus.Gauge
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		if w.stream = w.Header().Get("Content-Type") == "text/event-stream"; w.stream {
			w.streams.Inc()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	return n, err
}

// FlushError lets http.ResponseController flush, and learn that the reader is gone.
func (w *recorder) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// ready answers whether requests should be sent here. It tells no reasons: anyone may ask.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.stop:
		plain(w, http.StatusServiceUnavailable, "stopping")
		return
	default:
	}
	if s.opt.Ready != nil {
		if err := s.opt.Ready(r.Context()); err != nil {
			s.opt.Log.Warn("not ready", "error", err)
			plain(w, http.StatusServiceUnavailable, "not ready")
			return
		}
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// metricsPage is for this machine and for holders of the token. A forwarded request is never this machine's own, and
// the name asked for must be loopback too, or a page could reach it by DNS rebinding.
func (s *Server) metricsPage() http.Handler {
	page := promhttp.HandlerFor(s.opt.Metrics, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelError)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayMeasure(r) {
			s.nothing(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func (s *Server) mayMeasure(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && !s.opt.MetricsToken.IsZero() {
		return subtle.ConstantTimeCompare([]byte(token), []byte(s.opt.MetricsToken.Reveal())) == 1
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host := strings.TrimSuffix(r.Host, ":"+portOf(r.Host))
	return peer(r).IsLoopback() && loopbackName(host)
}

func portOf(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return ""
	}
	return host[i+1:]
}
