// Package api is the hub's face to other systems: HTTP routes under /v1, the
// OpenAPI 3.1 document that describes them, keys and roles, and the one table
// from errors to RFC 9457 problems.
//
//	request ──▶ frame ──▶ mux ──▶ guard ──▶ huma ──▶ route ──▶ gateway | folds' reads | checker
//	            trace,     404,    key,      decode,   │
//	            log line,  405     role,     validate  └─ error ──▶ rules ──▶ problem+json
//	            metrics            rate
//
// What the package promises:
//
//   - An event body goes to the gateway byte for byte as it came.
//   - Writes answer with a position; a read with that position (min_position or
//     header Ficha-Position) includes the write, or answers 409 stale after a
//     second. Contact checks never do: they answer deny, reason stale.
//   - An operation without a row in the table of roles is not served.
//   - No personal value is in a URL, a log line, a metric or a problem. Document
//     numbers and birth dates are masked for whoever is no steward, system or admin.
//   - A POST that is repeated with the same Idempotency-Key writes once.
//
// The package knows no storage and no transport but HTTP: it is given reads,
// a gateway and functions by whoever builds the graph.
package api
