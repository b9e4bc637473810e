package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ficha/api/apikey"
	"ficha/events"
)

// insecurePrincipal is everybody, with --insecure.
func insecurePrincipal() apikey.Principal {
	return apikey.Principal{ID: "insecure", Name: "insecure", Roles: []apikey.Role{apikey.Admin}, Sources: []string{"*"}}
}

// guard lets an operation's rows of the table decide before anything of the
// request's body is read.
func (s *server) guard(ctx huma.Context, next func(huma.Context)) {
	operation := ctx.Operation().OperationID
	c := callOf(ctx.Context())
	c.operation = operation
	rule, ok := s.access[operation]
	if !ok {
		s.refuse(ctx, fmt.Errorf("operation has no row in the table of roles: %w", errForbidden))
		return
	}
	if rule.open || rule.local && isLocal(ctx) {
		next(ctx)
		return
	}
	p, err := s.identify(ctx)
	if err == nil {
		c.principal = p
		err = s.admit(p, rule)
	}
	if err != nil {
		s.refuse(ctx, err)
		return
	}
	next(ctx)
}

// identify reads the Authorization header.
func (s *server) identify(ctx huma.Context) (apikey.Principal, error) {
	if s.cfg.Insecure {
		return insecurePrincipal(), nil
	}
	scheme, key, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return apikey.Principal{}, errUnauthenticated
	}
	return s.cfg.Keys.Authenticate(ctx.Context(), strings.TrimSpace(key))
}

func (s *server) admit(p apikey.Principal, rule access) error {
	if !p.Has(rule.roles...) {
		missing := newProblem(http.StatusForbidden, "forbidden")
		missing.Detail = "This needs one of the roles " + roleNames(rule.roles) + "."
		return missing
	}
	if !s.limits.allow(p.ID) {
		return errRate
	}
	return nil
}

func roleNames(roles []apikey.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// refuse answers with the problem of err before huma reads anything.
func (s *server) refuse(ctx huma.Context, err error) {
	_, w := humago.Unwrap(ctx)
	writeProblem(w, s.problem(ctx.Context(), err))
}

// problem is [problemOf] for the caller of ctx; causes that are not shown are
// kept for the log line.
func (s *server) problem(ctx context.Context, err error) *Problem {
	c := callOf(ctx)
	p := c.addressed(problemOf(err))
	if p.Status >= http.StatusInternalServerError {
		c.cause = err
	}
	return p
}

// isLocal says whether the request comes from this machine and was not passed
// on for somebody else.
func isLocal(ctx huma.Context) bool {
	host, _, err := net.SplitHostPort(ctx.RemoteAddr())
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() && ctx.Header("Forwarded") == "" && ctx.Header("X-Forwarded-For") == ""
}

// publisher is what the gateway needs to know of a principal.
func publisher(p apikey.Principal) events.Principal {
	if p.Has(apikey.Admin) && len(p.Sources) == 0 {
		return events.Principal{Name: p.Name, Sources: []string{"*"}}
	}
	return events.Principal{Name: p.Name, Sources: p.Sources}
}

// maySee says whether the principal may learn what became of events of source.
func maySee(p apikey.Principal, source string) bool {
	return p.Has(apikey.Admin, apikey.Operator) || p.Owns(source)
}

// checkTable finds operations without a row.
func checkTable(api huma.API) (map[string]access, error) {
	table := map[string]access{}
	var missing []string
	for _, item := range api.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			a, ok := accessTo(op.OperationID)
			if !ok {
				missing = append(missing, op.OperationID)
			}
			table[op.OperationID] = a
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, errors.New("operations without a row in the table of roles: " + strings.Join(missing, ", "))
	}
	return table, nil
}

func operationsOf(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete, item.Head, item.Options, item.Trace}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}
