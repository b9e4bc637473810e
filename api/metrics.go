package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ficha/events"
	"ficha/projections/contact"
)

// metrics are what the hub tells Prometheus. No label ever holds a customer's
// value: sources are those that events were taken from, decisions, reasons and
// operations are words of ours.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	checks   *prometheus.CounterVec
	requests *prometheus.HistogramVec

	mu      sync.Mutex
	sources map[string]bool // that have a label
}

// maxSources bounds the labels of ficha_events_total: a publisher may name any
// source below its own.
const maxSources = 500

func newMetrics(cfg Config) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), sources: map[string]bool{},
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ficha_events_total", Help: "Events submitted over HTTP, by source (empty when rejected) and result.",
		}, []string{"source", "result"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ficha_contact_checks_total", Help: "Contact checks answered, by decision and first reason.",
		}, []string{"decision", "reason"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ficha_http_request_seconds", Help: "Time to answer, by operation and class of status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation", "status"}),
	}
	m.registry.MustRegister(m.events, m.checks, m.requests)
	m.registry.MustRegister(cfg.Collectors...)
	return m
}

func (m *metrics) request(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// submitted counts results. A rejected event's source is whatever the sender
// wrote, so it becomes no label.
func (m *metrics) submitted(results []events.EventResult) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range results {
		source := ""
		if r.Status != events.StatusRejected {
			source = m.label(r.Source)
		}
		m.events.WithLabelValues(source, string(r.Status)).Inc()
	}
}

// label gives a source's label. The lock is held.
func (m *metrics) label(source string) string {
	if m.sources[source] {
		return source
	}
	if len(m.sources) >= maxSources {
		return "other"
	}
	m.sources[source] = true
	return source
}

// checked counts an answer by its first reason that denies, which is the weightiest.
func (m *metrics) checked(a *contact.Answer) {
	reason := ""
	for i := range a.Reasons {
		if a.Reasons[i].Effect == contact.EffectDeny {
			reason = string(a.Reasons[i].Code)
			break
		}
	}
	m.checks.WithLabelValues(string(a.Decision), reason).Inc()
}

// scrape answers /metrics. The gauges are of this moment and belong to this
// answer; the counters stay.
func (m *metrics) scrape(st Status, pairs reviewGauges, w http.ResponseWriter, r *http.Request) {
	now := prometheus.NewRegistry()
	now.MustRegister(statusGauges(st), pairs)
	promhttp.HandlerFor(prometheus.Gatherers{m.registry, now}, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// statusGauges are a status as metrics.
type statusGauges Status

// Describe implements prometheus.Collector. It names none: which projections
// there are is known only when asked.
func (statusGauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (st statusGauges) Collect(ch chan<- prometheus.Metric) {
	one := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	position := gauge("ficha_projection_position", "Up to where the projection has folded.", "projection")
	lag := gauge("ficha_projection_lag_seconds", "Age of the oldest event that is not folded yet.", "projection")
	for _, p := range st.Projections {
		one(position, float64(p.Position), p.Name)
		one(lag, p.LagSeconds, p.Name)
	}
	one(gauge("ficha_dead_letters", "Dead letters that wait for somebody."), float64(st.Counts.DeadLetters))
	one(gauge("ficha_log_position", "Position of the last event."), float64(st.Position))
	damaged := 0.0
	if !st.Log.OK {
		damaged = 1
	}
	one(gauge("ficha_log_damaged", "1 while the log is damaged."), damaged)
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}
