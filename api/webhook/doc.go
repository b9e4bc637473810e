// Package webhook sends the change feed to addresses that operators name, signed
// as Standard Webhooks says (standardwebhooks.com), one change a request.
//
//	Desk ── endpoints, cursors, dead deliveries ──▶ bucket (survives rebuilds)
//	 │
//	 └─ one worker an endpoint ── feed.Reader ──▶ sender ── guard ──▶ https://…
//	                                                │          who may be dialled
//	                     5 s · 30 s · 2 m · 10 m · 30 m · 1 h · 3 h, then dead, and on
//
// Invariants:
//
//   - An endpoint is sent its changes in order, each at least once. A change that
//     is refused holds back those behind it until it is delivered or dead.
//   - A worker that dies goes on where its cursor is; what was sent since comes
//     again, with the same webhook-id.
//   - Nobody is dialled whom the guard does not let: the address that a name leads
//     to is looked at when it is dialled, each time, so a name that leads inside
//     later leads nowhere. Redirects are not followed.
//   - No signing secret is stored: it is derived from the hub's own and the
//     endpoint's id.
//   - Logs and errors name endpoints and stable codes, never addresses or bodies.
package webhook
