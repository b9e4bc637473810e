package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Outcome says what became of one request, in a stable code.
type Outcome string

// The outcomes.
const (
	Delivered  Outcome = "delivered"
	Gone       Outcome = "gone"                // 410: the receiver wants no more
	Refused    Outcome = "status"              // another status than 2xx
	Redirected Outcome = "redirect"            // 3xx: redirects are not followed
	Forbidden  Outcome = "address_not_allowed" // the guard
	NoSuchHost Outcome = "no_such_host"
	Unreached  Outcome = "unreachable"
	TLSFailed  Outcome = "tls"
	TimedOut   Outcome = "timeout"
)

const (
	sendTimeout = 15 * time.Second
	maxAnswer   = 64 << 10 // bytes of an answer that are read, so that the connection can be used again
)

// message is what is sent: type and timestamp as Standard Webhooks has them.
type message struct {
	ID        string          `json:"-"`
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// sender sends messages. Safe for concurrent use.
type sender struct {
	clients map[string]*http.Client // by scheme: the guard lets less over http
	agent   string
}

// newSender gives a sender; roots (nil: the system's) are whom certificates are
// believed from.
func newSender(g Guard, roots *x509.CertPool, timeout time.Duration, agent string) *sender {
	s := &sender{clients: map[string]*http.Client{}, agent: agent}
	for _, scheme := range []string{"http", "https"} {
		dialer := &net.Dialer{Timeout: timeout, Control: g.control(scheme)}
		s.clients[scheme] = &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
				MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
				TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			}, // no Proxy: it would resolve names for us, past the guard
		}
	}
	return s
}

func (s *sender) close() {
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
}

// send makes one request. status is the answer's, zero for none.
func (s *sender) send(ctx context.Context, address string, secret []byte, at time.Time, m message) (o Outcome, status int) {
	body, err := json.Marshal(m)
	if err != nil {
		return Unreached, 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Unreached, 0
	}
	if err := sign(req.Header, secret, m.ID, at, body); err != nil {
		return Unreached, 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	client := s.clients[req.URL.Scheme]
	if client == nil {
		return Forbidden, 0
	}
	resp, err := client.Do(req)
	if err != nil {
		return outcomeOf(err), 0
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // what it says does not matter, nor whether it ends
	return outcomeOfStatus(resp.StatusCode), resp.StatusCode
}

// sign sets the three headers of Standard Webhooks.
func sign(h http.Header, secret []byte, id string, at time.Time, body []byte) error {
	w, err := standardwebhooks.NewWebhookRaw(secret)
	if err != nil {
		return fmt.Errorf("sign webhook: %w", err)
	}
	signature, err := w.Sign(id, at, body)
	if err != nil {
		return fmt.Errorf("sign webhook: %w", err)
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}

func outcomeOfStatus(status int) Outcome {
	switch {
	case status >= 200 && status < 300:
		return Delivered
	case status == http.StatusGone:
		return Gone
	case status >= 300 && status < 400:
		return Redirected
	}
	return Refused
}

// outcomeOf names why no answer came. Texts of errors hold the address and are
// thrown away.
func outcomeOf(err error) Outcome {
	var dns *net.DNSError
	var timeout net.Error
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, errForbidden):
		return Forbidden
	case errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.As(err, &dns):
		return NoSuchHost
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verification), errors.As(err, &header), errors.As(err, &alert):
		return TLSFailed
	}
	return Unreached
}
