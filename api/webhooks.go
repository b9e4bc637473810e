package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ficha/api/feed"
	"ficha/api/webhook"
	"ficha/events"
	"ficha/projections/changes"
)

// Webhooks keeps the addresses that changes are sent to; *webhook.Desk is one.
type Webhooks interface {
	// Create adds an endpoint that is sent what changes behind an id; the same key
	// ("": none) with the same settings is the same endpoint, events.ErrConflict with others.
	Create(ctx context.Context, s webhook.Settings, after changes.ID, key string) (webhook.Created, error)
	List(ctx context.Context) ([]webhook.View, error)
	// Get, Delete, Test and Retry answer events.ErrNotFound for an unknown id.
	Get(ctx context.Context, id string) (webhook.View, error)
	Delete(ctx context.Context, id string) error
	Test(ctx context.Context, id string) (webhook.Tried, error)
	Retry(ctx context.Context, id string) (dead int, err error)
}

// WebhookRequest asks for changes to be sent somewhere.
type WebhookRequest struct {
	URL         string         `json:"url" minLength:"1" maxLength:"2000" doc:"https, and public unless --webhook-allow names its network. What it says behind ? is not shown again" example:"https://shop.example/hooks/ficha"`
	Kinds       []changes.Kind `json:"kinds,omitempty" maxItems:"6" enum:"created,changed,merged,split,redirected,contact_flip" doc:"Only these; left out: all"`
	Description string         `json:"description,omitempty" maxLength:"200"`
	After       string         `json:"after,omitempty" maxLength:"40" doc:"Begin behind this id of the feed; 0: with the oldest change that is kept; left out: from now on"`
}

// Webhook is an address that changes are sent to.
type Webhook struct {
	ID          string         `json:"id" example:"mfrggzdfmztwq2lk"`
	URL         string         `json:"url"`
	Kinds       []changes.Kind `json:"kinds" doc:"Empty: all"`
	Description string         `json:"description,omitempty"`
	CreatedAt   time.Time      `json:"created_at"`
	Active      bool           `json:"active" doc:"False once the receiver answered 410 Gone; :retry wakes it"`
	State       WebhookState   `json:"state"`
}

// WebhookState is how far a webhook is.
type WebhookState struct {
	Cursor        string          `json:"cursor" doc:"Everything up to this id of the feed was delivered, is dead, or was not asked for"`
	Pending       int             `json:"pending" doc:"Changes that wait; no more than 1000 are counted"`
	Delivered     uint64          `json:"delivered"`
	Attempts      int             `json:"attempts" doc:"Failed ones at the change that is next"`
	NextAttemptAt *time.Time      `json:"next_attempt_at" doc:"null: at once"`
	LastSuccessAt *time.Time      `json:"last_success_at"`
	LastFailureAt *time.Time      `json:"last_failure_at"`
	LastError     webhook.Outcome `json:"last_error,omitempty" doc:"Of the last failed attempt" enum:"gone,status,redirect,address_not_allowed,no_such_host,unreachable,tls,timeout"`
	LastStatus    int             `json:"last_status,omitempty" doc:"HTTP status that it had"`
	Dead          int             `json:"dead" doc:"Changes that were given up; :retry sends them again"`
	DeadForgotten uint64          `json:"dead_forgotten,omitempty" doc:"Of more than 1000 dead ones, the oldest are not kept"`
	Missed        bool            `json:"missed,omitempty" doc:"Changes became too old before they could be sent: read what you hold anew"`
}

// WebhookCreated is a new webhook with its secret; it is shown this once.
type WebhookCreated struct {
	Webhook
	Secret string `json:"secret" doc:"What requests are signed with; keep it" example:"whsec_…"`
}

// WebhookAnswer is one webhook with its dead deliveries.
type WebhookAnswer struct {
	Webhook
	DeadDeliveries []DeadDelivery `json:"dead_deliveries" doc:"Oldest first"`
}

// DeadDelivery is a change that a webhook was not delivered.
type DeadDelivery struct {
	Change  string          `json:"change" doc:"Its id in the feed" example:"41.0"`
	At      time.Time       `json:"at" doc:"Of the last attempt"`
	Outcome webhook.Outcome `json:"outcome"`
	Status  int             `json:"status,omitempty"`
}

// WebhooksAnswer lists webhooks, oldest first.
type WebhooksAnswer struct {
	Data       []Webhook `json:"data"`
	NextCursor *string   `json:"next_cursor" doc:"Always null: there are at most 100"`
}

// WebhookTried says how a test went.
type WebhookTried struct {
	OK      bool            `json:"ok"`
	Outcome webhook.Outcome `json:"outcome" doc:"delivered, or what went wrong"`
	Status  int             `json:"status,omitempty" doc:"HTTP status of the answer"`
	TookMS  int64           `json:"took_ms"`
}

// WebhookRetried says what will be tried again.
type WebhookRetried struct {
	ID   string `json:"id"`
	Dead int    `json:"dead" doc:"Dead deliveries that are sent again, oldest first, until one fails"`
}

type webhookInput struct {
	ID string `path:"id" maxLength:"64" doc:"The webhook's id"`
}

type webhookCreateInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"256" doc:"Repeating the request with the same key makes one webhook and shows its secret again"`
	Body WebhookRequest
}

type (
	webhookCreatedOutput struct{ Body WebhookCreated }
	webhookOutput        struct{ Body WebhookAnswer }
	webhooksOutput       struct{ Body WebhooksAnswer }
	webhookTriedOutput   struct{ Body WebhookTried }
	webhookRetriedOutput struct{ Body WebhookRetried }
	webhookDeletedOutput struct{ Body RevokedAnswer }
)

func exampleWebhook() Webhook {
	at := exampleStatus().Epoch
	return Webhook{
		ID: "mfrggzdfmztwq2lk", URL: "https://shop.example/hooks/ficha", Kinds: []changes.Kind{changes.Merged, changes.ContactFlip}, CreatedAt: at, Active: true,
		State: WebhookState{Cursor: "815", Delivered: 12, LastSuccessAt: &at},
	}
}

func (s *server) webhooksRoutes() {
	one := exampleWebhook()
	register(s, route{
		id: opWebhookCreate, method: http.MethodPost, path: "/v1/webhooks", tag: "feed",
		summary: "Have changes sent somewhere",
		text: "Each change of the feed is posted, in order and at least once, signed as Standard Webhooks says (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`). " +
			"Any 2xx is taken for delivered; else it is tried again after 5 s, 30 s, 2 m, 10 m, 30 m, 1 h and 3 h, and then given up. 410 ends the webhook. " +
			"The answer shows the secret this once.",
		problems: []int{http.StatusNotFound, http.StatusConflict}, request: WebhookRequest{URL: one.URL, Kinds: one.Kinds},
		response: WebhookCreated{Webhook: one, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
	}, s.createWebhook)
	register(s, route{
		id: opWebhookList, method: http.MethodGet, path: "/v1/webhooks", tag: "feed",
		summary: "List webhooks", text: "With how far each is, oldest first.", problems: []int{http.StatusNotFound},
		response: WebhooksAnswer{Data: []Webhook{one}},
	}, s.listWebhooks)
	register(s, route{
		id: opWebhookGet, method: http.MethodGet, path: "/v1/webhooks/{id}", tag: "feed",
		summary: "One webhook", text: "With what it could not be delivered.", problems: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
		response: WebhookAnswer{Webhook: one, DeadDeliveries: []DeadDelivery{{Change: "41.0", At: one.CreatedAt, Outcome: webhook.Refused, Status: 500}}},
	}, s.getWebhook)
	register(s, route{
		id: opWebhookDelete, method: http.MethodDelete, path: "/v1/webhooks/{id}", tag: "feed",
		summary: "End a webhook", text: "Nothing is sent to it any more.", problems: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
		response: RevokedAnswer{ID: one.ID},
	}, s.deleteWebhook)
	register(s, route{
		id: opWebhookTest, method: http.MethodPost, path: "/v1/webhooks/{id}:test", tag: "feed",
		summary: "Send a test message", text: "One signed message of type `test`, not tried again; the answer says how it went.", problems: []int{http.StatusNotFound},
		response: WebhookTried{OK: true, Outcome: webhook.Delivered, Status: 204, TookMS: 31},
	}, s.testWebhook)
	register(s, route{
		id: opWebhookRetry, method: http.MethodPost, path: "/v1/webhooks/{id}:retry", tag: "feed",
		summary: "Try again what failed", text: "Ends a pause, wakes a webhook that answered 410, and sends what was given up, oldest first, until one fails.",
		problems: []int{http.StatusNotFound, http.StatusConflict}, response: WebhookRetried{ID: one.ID, Dead: 1},
	}, s.retryWebhook)
}

// webhooks gives the desk; a hub that was set up without one has none to manage.
func (s *server) webhooks() (Webhooks, error) {
	if s.cfg.Webhooks == nil {
		p := notFound("webhook")
		p.Detail = "This hub sends no webhooks."
		return nil, p
	}
	return s.cfg.Webhooks, nil
}

func (s *server) createWebhook(ctx context.Context, in *webhookCreateInput) (*webhookCreatedOutput, error) {
	desk, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	after, err := s.beginning(ctx, in.Body.After)
	if err != nil {
		return nil, err
	}
	key := ""
	if in.Key != "" {
		key = s.digest(callOf(ctx).principal.ID, opWebhookCreate, in.Key)
	}
	made, err := desk.Create(ctx, webhook.Settings{URL: in.Body.URL, Kinds: in.Body.Kinds, Description: in.Body.Description}, after, key)
	switch {
	case errors.Is(err, events.ErrInvalid):
		return nil, invalid("/url", err.Error(), "see --webhook-allow of ficha serve for networks of your own")
	case errors.Is(err, events.ErrConflict):
		return nil, newProblem(http.StatusConflict, "idempotency_key_reused")
	case err != nil:
		return nil, err
	}
	view := webhook.View{Endpoint: made.Endpoint, State: webhook.State{Cursor: after}}
	return &webhookCreatedOutput{Body: WebhookCreated{Webhook: webhookOf(view), Secret: made.Secret}}, nil
}

// beginning reads where a webhook begins, and refuses what cannot be given.
func (s *server) beginning(ctx context.Context, after string) (changes.ID, error) {
	if after == "" {
		return s.feed.Now(ctx)
	}
	id, err := changes.ParseID(after)
	if err != nil {
		return id, invalid("/after", "no id of a change", "give one like 41 or 41.3, or leave it out")
	}
	_, err = s.feed.Page(ctx, feed.Query{After: id, Limit: 1})
	if errors.Is(err, feed.ErrFuture) {
		return id, invalid("/after", "There is no such change yet.", "leave it out to begin now")
	}
	return id, err
}

func (s *server) listWebhooks(ctx context.Context, _ *empty) (*webhooksOutput, error) {
	desk, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	all, err := desk.List(ctx)
	if err != nil {
		return nil, err
	}
	out := WebhooksAnswer{Data: make([]Webhook, len(all))}
	for i, v := range all {
		out.Data[i] = webhookOf(v)
	}
	return &webhooksOutput{Body: out}, nil
}

func (s *server) getWebhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	desk, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	v, err := desk.Get(ctx, in.ID)
	if err != nil {
		return nil, webhookProblem(err)
	}
	out := WebhookAnswer{Webhook: webhookOf(v), DeadDeliveries: make([]DeadDelivery, len(v.Dead))}
	for i, d := range v.Dead {
		out.DeadDeliveries[i] = DeadDelivery{Change: d.Change.String(), At: d.At, Outcome: d.Outcome, Status: d.Status}
	}
	return &webhookOutput{Body: out}, nil
}

func (s *server) deleteWebhook(ctx context.Context, in *webhookInput) (*webhookDeletedOutput, error) {
	desk, err := s.webhooks()
	if err == nil {
		err = webhookProblem(desk.Delete(ctx, in.ID))
	}
	if err != nil {
		return nil, err
	}
	return &webhookDeletedOutput{Body: RevokedAnswer{ID: in.ID}}, nil
}

func (s *server) testWebhook(ctx context.Context, in *webhookInput) (*webhookTriedOutput, error) {
	desk, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	tried, err := desk.Test(ctx, in.ID)
	if err != nil {
		return nil, webhookProblem(err)
	}
	return &webhookTriedOutput{Body: WebhookTried{OK: tried.Outcome == webhook.Delivered, Outcome: tried.Outcome, Status: tried.Status, TookMS: tried.Took.Milliseconds()}}, nil
}

func (s *server) retryWebhook(ctx context.Context, in *webhookInput) (*webhookRetriedOutput, error) {
	desk, err := s.webhooks()
	if err != nil {
		return nil, err
	}
	dead, err := desk.Retry(ctx, in.ID)
	if err != nil {
		return nil, webhookProblem(err)
	}
	return &webhookRetriedOutput{Body: WebhookRetried{ID: in.ID, Dead: dead}}, nil
}

func webhookProblem(err error) error {
	if errors.Is(err, events.ErrNotFound) {
		return notFound("webhook")
	}
	return err
}

func webhookOf(v webhook.View) Webhook {
	e := v.Masked()
	out := Webhook{
		ID: e.ID, URL: e.URL, Kinds: append([]changes.Kind{}, e.Kinds...), Description: e.Description, CreatedAt: e.CreatedAt, Active: e.Active,
		State: WebhookState{
			Cursor: v.State.Cursor.String(), Pending: v.Pending, Delivered: v.State.Delivered, Attempts: v.State.Attempts,
			LastError: v.State.LastError, LastStatus: v.State.LastStatus, Dead: len(v.Dead), DeadForgotten: v.State.DeadDropped, Missed: v.State.Missed,
		},
	}
	out.State.NextAttemptAt, out.State.LastSuccessAt, out.State.LastFailureAt = whenSet(v.State.NextAt), whenSet(v.State.LastSuccess), whenSet(v.State.LastFailed)
	return out
}

// whenSet gives nil for a time that was never set.
func whenSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
