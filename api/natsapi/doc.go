// Package natsapi answers over NATS what package api answers over HTTP: micro
// services that can be found by PING, INFO and STATS, whose processes share the
// requests of one queue group.
//
//	request ──▶ subscription ──▶ at most Workers at once ──▶ the HTTP handler, in this process ──▶ reply
//	ficha.append, …              more wait their turn         same keys, roles, masks, problems
//
// What the package promises:
//
//   - One behaviour on every surface: a request goes through the same handler as
//     one over HTTP, with the same body, and its reply has the same body. The key
//     comes with every request, in the header Authorization.
//   - A status other than 2xx is a service error: its code is the HTTP status, its
//     data the problem.
//   - Nothing is written where a request says that the reply belongs, if that is
//     one of the hub's own subjects: the hub may publish there, the client may not.
//   - What was taken is answered before Close returns, for as long as Close waits.
package natsapi
