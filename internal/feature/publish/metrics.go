package publish

import "github.com/prometheus/client_golang/prometheus"

// Metrics returns what an operator should watch, for a registry. The figures are this node's own, except the overdue posts.
func (p *Publisher) Metrics() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	list := []prometheus.Collector{
		gauge("shippost_posts_overdue", "Posts past their late window and five minutes that have not ended. Anything but 0 needs a look.",
			func() float64 { return float64(p.overdue.Load()) }),
		gauge("shippost_publishing_held", "1 while nothing is published because the clock of this machine cannot be right.", func() float64 {
			wrong, _, _ := p.clock.state()
			return truth(wrong != "")
		}),
		gauge("shippost_publisher_ready", "1 while the publisher does its rounds.", func() float64 { return truth(p.Ready() == nil) }),
		gauge("shippost_clock_skew_seconds", "How far this machine's clock is ahead of the platform's, 0 while not known.", func() float64 {
			if told := p.toldTime(); !told.IsZero() {
				return p.now().Sub(told).Seconds()
			}
			return 0
		}),
	}
	for name, b := range p.breakers {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "shippost_platform_unavailable",
			Help: "1 while a platform does not answer and posts wait for it.", ConstLabels: prometheus.Labels{"platform": string(name)}},
			func() float64 { return truth(!b.opened().IsZero()) }))
	}
	return list
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
