package main

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"ship-post.com/shippost/internal/app"
)

// photoDomain is the verified domain that the simulator fetches photos from. It is never looked up outside this machine.
const photoDomain = "localhost"

// photoHost takes HTTPS in for the nodes, as a proxy at photoDomain would: the simulator fetches photos through it from
// a node that answers. Whatever happens to the node while it gives a photo happens to the photo.
type photoHost struct {
	server *httptest.Server
	root   string // the file that holds its certificate
}

func (w *world) newPhotoHost(root string) (*photoHost, error) {
	cert, _, err := app.Certify(photoDomain, time.Now())
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0) // nodes are killed all the time
	h := &photoHost{root: root, server: httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: photoDomain})
			r.Out.Host = photoDomain
		},
		Transport: &balancer{w: w},
		ErrorLog:  quiet,
	})}
	h.server.Config.ErrorLog = quiet
	h.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	h.server.StartTLS()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	if err := os.WriteFile(root, text, 0o600); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// flags tell the simulator where the domain is found and whom to trust there.
func (h *photoHost) flags() []string {
	return []string{"--property", photoDomain, "--host", photoDomain + "=" + h.server.Listener.Addr().String(), "--root", h.root}
}

func (h *photoHost) close() error {
	h.server.CloseClientConnections() // a fetch may still wait for its gate
	h.server.Close()
	return nil
}
