package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// proxy stands between ShipPost and the simulator and treats what passes as a bad network would.
type proxy struct {
	inner *toxiproxy.Proxy
	mu    sync.Mutex
	on    []string // names of the toxics that work now
}

func newProxy(upstream string) (*proxy, error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics write to a logger of their own
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &proxy{inner: toxiproxy.NewProxy(server, "platform", "127.0.0.1:0", upstream)}
	return p, p.inner.Start()
}

func (p *proxy) address() string { return p.inner.Listen }

func (p *proxy) close() error {
	p.inner.Stop()
	return nil
}

// weathers is everything that a network does to a connection. {n} is a small number, each time another one.
var weathers = []struct{ name, toxic string }{
	{"fair", ""},
	{"latency", `{"type":"latency","stream":"downstream","attributes":{"latency":150,"jitter":140}}`},
	{"latency of what is sent", `{"type":"latency","stream":"upstream","attributes":{"latency":150,"jitter":140}}`},
	{"half open: answers vanish", `{"type":"timeout","stream":"downstream","toxicity":0.5,"attributes":{"timeout":0}}`},
	{"half open: requests vanish", `{"type":"timeout","stream":"upstream","toxicity":0.5,"attributes":{"timeout":0}}`},
	{"truncated reply", `{"type":"limit_data","stream":"downstream","toxicity":0.5,"attributes":{"bytes":{n}}}`},
	{"truncated request", `{"type":"limit_data","stream":"upstream","toxicity":0.5,"attributes":{"bytes":{n}000}}`},
	{"reset", `{"type":"reset_peer","stream":"downstream","toxicity":0.5,"attributes":{"timeout":{n}}}`},
	{"reset of what is sent", `{"type":"reset_peer","stream":"upstream","toxicity":0.5,"attributes":{"timeout":{n}}}`},
	{"slow line", `{"type":"bandwidth","stream":"upstream","attributes":{"rate":60}}`},
	{"slow bytes", `{"type":"slicer","stream":"downstream","attributes":{"average_size":40,"size_variation":20,"delay":3000}}`},
	{"cut", ""},
}

// change makes the weather the named one. A cut ends every connection at once.
func (p *proxy) change(ctx context.Context, weather string, r *rand.Rand) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.on {
		if err := p.inner.Toxics.RemoveToxic(ctx, name); err != nil {
			return fmt.Errorf("end the weather %s: %w", name, err)
		}
	}
	p.on = nil
	if weather == "cut" {
		p.inner.Stop()
		return p.inner.Start()
	}
	for _, w := range weathers {
		if w.name != weather || w.toxic == "" {
			continue
		}
		toxic, err := p.inner.Toxics.AddToxicJson(strings.NewReader(strings.ReplaceAll(w.toxic, "{n}", fmt.Sprint(1+r.IntN(300)))))
		if err != nil {
			return fmt.Errorf("make the weather %s: %w", weather, err)
		}
		p.on = append(p.on, toxic.Name)
	}
	return nil
}

// storm changes the weather every second or two until ctx ends, and leaves it fair.
func (p *proxy) storm(ctx context.Context, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 2))
	for {
		weather := weathers[r.IntN(len(weathers))].name
		if err := p.change(ctx, weather, r); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return p.change(context.WithoutCancel(ctx), "fair", r)
		case <-time.After(500*time.Millisecond + time.Duration(r.IntN(1500))*time.Millisecond):
		}
	}
}
