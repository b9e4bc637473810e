package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"ficha/events"
	"ficha/projections/golden"
)

// PinRequest says what an attribute of a customer is.
type PinRequest struct {
	Attribute string            `json:"attribute" maxLength:"120" doc:"As in customer.recorded.v1: birth_date, names, phones …, or attributes.NAME" example:"birth_date"`
	Value     json.RawMessage   `json:"value" doc:"One value, as customer.recorded.v1 writes it; of names, phones and other lists: one of them"`
	Reason    string            `json:"reason,omitempty" maxLength:"1000"`
	Record    *events.RecordKey `json:"record,omitempty" doc:"Whose value it is: one of the customer's source records, which the pin goes with; default the record that the customer is named after"`
}

// PinAnswer names what was pinned or unpinned.
type PinAnswer struct {
	Attribute string             `json:"attribute" example:"birth_date"`
	Records   []events.RecordKey `json:"records" doc:"The source records that the pin hung or hangs on"`
	WriteAnswer
}

type pinInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	IfMatch
	Repeatable
	Body PinRequest
}

type unpinInput struct {
	ID        string `path:"id" maxLength:"64" doc:"Customer id"`
	Attribute string `path:"attribute" maxLength:"120" doc:"What was pinned"`
	IfMatch
	Repeatable
}

type pinOutput struct {
	Applied string `header:"Preference-Applied"`
	Body    PinAnswer
}

func (s *server) pinsRoutes() {
	answer := PinAnswer{Attribute: "birth_date", Records: []events.RecordKey{{Source: "/crm/bank", Stream: "customer", ID: "1"}},
		WriteAnswer: WriteAnswer{Status: events.StatusAppended, Position: 46}}
	problems := append(append([]int{http.StatusNotFound}, conditionProblems...), readProblems...)
	register(s, route{
		id: opPin, method: http.MethodPost, path: "/v1/customers/{id}/pins", tag: "customers",
		summary: "Pin a value",
		text: "A steward's word outranks every source and every rule until it is unpinned: a single value gives way to it, in a list it comes first. " +
			"It hangs on a source record and goes with it through merges and splits; of several pins of an attribute the latest shows.",
		problems: problems,
		request:  PinRequest{Attribute: "birth_date", Value: json.RawMessage(`"1980-02-11"`), Reason: "seen on the identity card"},
		response: answer,
	}, s.pinValue)
	register(s, route{
		id: opUnpin, method: http.MethodDelete, path: "/v1/customers/{id}/pins/{attribute}", tag: "customers",
		summary: "Unpin a value", text: "Takes back every pin of the attribute on the customer's source records; the rules choose again.",
		problems: problems, response: answer,
	}, s.unpinValue)
}

func (s *server) pinValue(ctx context.Context, in *pinInput) (*pinOutput, error) {
	click, err := s.newClick(callOf(ctx).principal, opPin+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	return s.writePin(ctx, pinChange{customer: in.ID, seen: in.IfMatch, how: in.Repeatable, click: click,
		events: func(v *view, c golden.Customer) (PinAnswer, []events.Envelope, error) {
			return s.pinned(ctx, v, c, click, &in.Body)
		}})
}

// pinned makes the event of a pin, after what was said about the attribute before.
func (s *server) pinned(ctx context.Context, v *view, c golden.Customer, click clicked, q *PinRequest) (PinAnswer, []events.Envelope, error) {
	answer := PinAnswer{Attribute: q.Attribute}
	k, err := pinOwner(&c, q.Record)
	if err != nil {
		return answer, nil, err
	}
	if err := s.checkPinned(ctx, k, q); err != nil {
		return answer, nil, err
	}
	last, err := golden.LastPin(ctx, v, c.ID, q.Attribute)
	if err != nil {
		return answer, nil, fmt.Errorf("read pins: %w", err)
	}
	e, err := s.envelope(click, click.id, events.ValuePinnedV1,
		events.ValuePinned{Record: k, Attribute: q.Attribute, Value: q.Value, By: callOf(ctx).principal.Name, Reason: q.Reason})
	if err != nil {
		return answer, nil, err
	}
	e.Time = after(e.Time, last)
	answer.Records = []events.RecordKey{k}
	return answer, []events.Envelope{e}, nil
}

// pinOwner gives the record that a pin hangs on: the one named, else the anchor.
func pinOwner(c *golden.Customer, named *events.RecordKey) (events.RecordKey, error) {
	if named != nil {
		return recordFor(*c, named)
	}
	for _, m := range c.Records {
		if m.ID == c.ID {
			return m.Normal(), nil
		}
	}
	return recordFor(*c, nil)
}

// checkPinned holds a value to what a source would have to keep to if it stated it.
func (s *server) checkPinned(ctx context.Context, k events.RecordKey, q *PinRequest) error {
	fields, err := golden.PinnedRecord(q.Attribute, q.Value)
	if err != nil {
		return invalid("/attribute", "is none that can be pinned, or the value is missing", "name an attribute of customer.recorded.v1, such as birth_date or names, or attributes.NAME")
	}
	problems, err := s.wouldBe(ctx, k, fields)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		p := newProblem(http.StatusUnprocessableEntity, "invalid")
		for _, one := range problems {
			one.Pointer = pinPointer(one.Pointer, q.Attribute)
			p.Errors = append(p.Errors, one)
		}
		return p
	}
	if _, err := golden.ReadPinned(q.Attribute, q.Value); err != nil {
		return invalid("/value", "is no value of this attribute that could be shown", "write one value as customer.recorded.v1 does")
	}
	return nil
}

// wouldBe asks the gateway what would be wrong with a record that states the fields.
func (s *server) wouldBe(ctx context.Context, k events.RecordKey, fields map[string]json.RawMessage) ([]events.Problem, error) {
	data := map[string]any{"record": k, "kind": events.Person}
	for name, v := range fields {
		data[name] = v
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	e, err := json.Marshal(events.Envelope{ID: "pin", Source: deskSource, SpecVersion: "1.0", Type: events.CustomerRecordedV1, Time: s.now(), Data: body})
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	res, err := s.cfg.Gateway.Validate(ctx, events.Principal{Name: callOf(ctx).principal.Name, Hub: true}, events.FormatEvent, e)
	if err != nil {
		return nil, fmt.Errorf("check value: %w", err)
	}
	return res.Results[0].Errors, nil
}

// pinPointer turns a pointer into the record that would state a value into one
// into the request.
func pinPointer(pointer, attribute string) string {
	field, declared := attribute, false
	if name, ok := strings.CutPrefix(attribute, "attributes."); ok {
		field, declared = "attributes/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), true
	}
	rest, ok := strings.CutPrefix(pointer, "/data/"+field)
	if !ok {
		return "/value"
	}
	if !declared {
		rest = strings.TrimPrefix(rest, "/0") // of the list of one
	}
	return "/value" + rest
}

func (s *server) unpinValue(ctx context.Context, in *unpinInput) (*pinOutput, error) {
	click, err := s.newClick(callOf(ctx).principal, opUnpin+"/"+in.ID+"/"+in.Attribute, in.Key, in.Attribute)
	if err != nil {
		return nil, err
	}
	return s.writePin(ctx, pinChange{customer: in.ID, seen: in.IfMatch, how: in.Repeatable, click: click,
		events: func(v *view, c golden.Customer) (PinAnswer, []events.Envelope, error) {
			return s.unpinned(ctx, v, c, click, in.Attribute)
		}})
}

// unpinned makes an event for each record that a pin of the attribute hangs on.
func (s *server) unpinned(ctx context.Context, v *view, c golden.Customer, click clicked, attribute string) (PinAnswer, []events.Envelope, error) {
	answer := PinAnswer{Attribute: attribute, Records: []events.RecordKey{}}
	pins, err := golden.Pins(ctx, v, c.ID)
	if err != nil {
		return answer, nil, fmt.Errorf("read pins: %w", err)
	}
	var evs []events.Envelope
	for _, p := range pins {
		if p.Attribute != attribute {
			continue
		}
		id := click.id
		if len(evs) > 0 {
			id += "-" + itoa(len(evs))
		}
		e, err := s.envelope(click, id, events.ValueUnpinnedV1, events.ValueUnpinned{Record: p.Record, Attribute: attribute, By: callOf(ctx).principal.Name})
		if err != nil {
			return answer, nil, err
		}
		e.Time = after(e.Time, p.At)
		evs, answer.Records = append(evs, e), append(answer.Records, p.Record)
	}
	if len(evs) == 0 {
		return answer, nil, notFound("pinned value")
	}
	return answer, evs, nil
}

// pinChange is a write that rests on what its caller saw of a customer.
type pinChange struct {
	customer string // any id
	seen     IfMatch
	how      Repeatable
	click    clicked
	events   func(*view, golden.Customer) (PinAnswer, []events.Envelope, error)
}

// writePin publishes a change if the customer is as the caller saw it. A repetition of
// a request is answered as it was then, whatever came between.
func (s *server) writePin(ctx context.Context, ch pinChange) (*pinOutput, error) {
	c, err := s.currentCustomer(ctx, ch.customer)
	if err != nil {
		return nil, err
	}
	var out pinOutput
	err = s.turns.take(c.ID.String(), func(least events.Position) (events.Position, error) {
		v, err := s.view(ctx, least)
		if err != nil {
			return 0, err
		}
		defer v.Close()
		var evs []events.Envelope
		if out.Body, evs, err = s.conditional(ctx, v, ch); err != nil {
			return 0, err
		}
		out.Body.WriteAnswer, err = s.publish(ctx, ch.click, evs)
		return out.Body.Position, err
	})
	if err != nil {
		return nil, err
	}
	out.Applied = s.waitAsPreferred(ctx, ch.how.Prefer, out.Body.Position)
	return &out, nil
}

// conditional gives what to answer and write.
func (s *server) conditional(ctx context.Context, v *view, ch pinChange) (PinAnswer, []events.Envelope, error) {
	c, err := customerAt(ctx, v, ch.customer)
	if err != nil {
		return PinAnswer{}, nil, err
	}
	before, err := s.seenBefore(ctx, ch.click)
	if err != nil {
		return PinAnswer{}, nil, err
	}
	if before {
		answer, _, err := ch.events(v, c)
		if err != nil || answer.Records == nil { // the pin is gone, as was asked then
			answer.Records = []events.RecordKey{}
		}
		return answer, []events.Envelope{{ID: ch.click.id, Source: deskSource}}, nil // found by its id; nothing is written
	}
	if err := ch.seen.check(customerTag(&c), "stale_customer", func() (Conflict, error) { return s.overtaken(ctx, &c) }); err != nil {
		return PinAnswer{}, nil, err
	}
	return ch.events(v, c)
}
