package api

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"ficha/projections/review"
)

// reviewGauges are pairs of the stewards' queue by state, as metrics.
type reviewGauges map[review.State]uint64

// reviewPairs counts them.
func (s *server) reviewPairs(ctx context.Context) (_ reviewGauges, err error) {
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return review.CountByState(ctx, v)
}

// Describe implements prometheus.Collector. It names none, as statusGauges.
func (reviewGauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector: every state, those without pairs too, so
// that a graph shows zero and not a gap.
func (g reviewGauges) Collect(ch chan<- prometheus.Metric) {
	desc := gauge("ficha_review_pairs", "Pairs of customers in the stewards' queue, by state.", "state")
	for _, state := range []review.State{review.StateOpen, review.StateUnsure, review.StateDecided} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(g[state]), string(state))
	}
}
