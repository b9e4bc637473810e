package natsapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"ficha/api"
)

// endpoint is one service: a subject and the route that answers it.
type endpoint struct {
	name    string // of the micro service's endpoint
	subject string // behind the prefix
	text    string
	request func(body []byte) (*http.Request, *api.Problem)
}

func endpoints() []endpoint {
	return []endpoint{
		{"append", "append", "one CloudEvent or a batch, as POST /v1/events", post("/v1/events")},
		{"contact-check", "contact.check", "may we contact, as POST /v1/contact-checks", post("/v1/contact-checks")},
		{"customer-get", "customer.get", "one golden record, as GET /v1/customers/{id}", getCustomer},
		{"customer-lookup", "customer.lookup", "who has a phone, e-mail, document or record, as POST /v1/customers:lookup", post("/v1/customers:lookup")},
		{"customer-search", "customer.search", "customers by words, as POST /v1/customers:search", post("/v1/customers:search")},
	}
}

// Subjects lists the subjects that are served under a prefix.
func Subjects(prefix string) []string {
	var all []string
	for _, e := range endpoints() {
		all = append(all, prefix+"."+e.subject)
	}
	return all
}

func post(path string) func([]byte) (*http.Request, *api.Problem) {
	return func(body []byte) (*http.Request, *api.Problem) {
		r := newRequest(http.MethodPost, &url.URL{Path: path})
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return r, nil
	}
}

// customerRequest is what customer.get is asked with.
type customerRequest struct {
	ID          string `json:"id"`
	MinPosition uint64 `json:"min_position,omitempty"`
}

func getCustomer(body []byte) (*http.Request, *api.Problem) {
	var q customerRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil || d.More() {
		return nil, api.NewProblem(http.StatusBadRequest, "invalid_json", `Ask with {"id":"…"}, and min_position if need be.`)
	}
	if q.ID == "" {
		return nil, api.NewProblem(http.StatusUnprocessableEntity, "invalid", "There is no id.")
	}
	u := &url.URL{Path: "/v1/customers/" + q.ID, RawPath: "/v1/customers/" + escaped(q.ID)}
	if q.MinPosition > 0 {
		u.RawQuery = url.Values{"min_position": {strconv.FormatUint(q.MinPosition, 10)}}.Encode()
	}
	return newRequest(http.MethodGet, u), nil
}

// escaped makes one path segment of an id, whatever it holds: neither a slash nor
// a colon chooses another route.
func escaped(id string) string { return strings.ReplaceAll(url.PathEscape(id), ":", "%3A") }

func newRequest(method string, u *url.URL) *http.Request {
	return &http.Request{
		Method: method, URL: u, RequestURI: u.RequestURI(), Host: "nats", Header: http.Header{}, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// passedOn are the headers of a request that mean the same here; what proxies and
// browsers say of themselves is none of them.
func passedOn() []string {
	return []string{"Authorization", "Accept-Language", "Content-Type", "Ficha-Position", "Idempotency-Key", "If-Match", "Prefer", "Traceparent"}
}

// takeHeaders passes on headers, in whatever letter case, and the attributes of
// CloudEvents in binary mode.
func takeHeaders(to http.Header, from nats.Header) {
	for name, values := range from {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(passedOn(), name) || strings.HasPrefix(name, "Ce-") {
			to[name] = values
		}
	}
}

// returned says whether a header of an answer means something over NATS.
func returned(name string) bool {
	return strings.HasPrefix(name, "Ficha-") || slices.Contains([]string{"Content-Type", "Etag", "Preference-Applied", "Retry-After"}, name)
}
