package tiktoksim

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Running is a simulator with its own listener.
type Running struct {
	*Server
	// URL is where it listens: "http://127.0.0.1:PORT".
	URL  string
	http *http.Server
	done chan struct{}
}

// Start runs a simulator on a free port of 127.0.0.1 until Close. It is for
// tests and small tools; a program with an address of its own serves the
// Server itself.
func Start(o Options) (*Running, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("tiktok simulator: %w", err)
	}
	address := "http://" + l.Addr().String()
	if o.PublicURL == "" {
		o.PublicURL = address
	}
	s, err := New(o)
	if err != nil {
		l.Close()
		return nil, err
	}
	r := &Running{
		Server: s, URL: address, done: make(chan struct{}),
		// No read or write time-outs: uploads are held open on purpose.
		http: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second},
	}
	go func() {
		defer close(r.done)
		_ = r.http.Serve(l) // ends with Close
	}()
	return r, nil
}

// Close stops listening, cuts open connections and closes the simulator.
func (r *Running) Close() error {
	err := r.http.Close()
	<-r.done
	return errors.Join(err, r.Server.Close())
}
