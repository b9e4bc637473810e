package api

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/changes"
)

// service is one request/reply of the AsyncAPI document.
type service struct {
	name      string // of channel and operation
	subject   string // behind the prefix
	operation [2]string
	body      string // content type of the request; "": it is not the route's body
}

// services are those of package natsapi, with the route that answers each.
func services() []service {
	const asJSON = "application/json"
	return []service{
		{"append", "append", [2]string{"/v1/events", "post"}, string(events.FormatBatch)},
		{"contactCheck", "contact.check", [2]string{"/v1/contact-checks", "post"}, asJSON},
		{"customerGet", "customer.get", [2]string{"/v1/customers/{id}", "get"}, ""},
		{"customerLookup", "customer.lookup", [2]string{"/v1/customers:lookup", "post"}, asJSON},
		{"customerSearch", "customer.search", [2]string{"/v1/customers:search", "post"}, asJSON},
	}
}

func (d *asyncDocument) describeServices() {
	problem := d.message("problem", "application/problem+json", "Anything but success; header Nats-Service-Error-Code has the HTTP status",
		d.use(object{"$ref": "#/components/schemas/Problem"}))
	d.messages["problem"].(object)["headers"] = object{
		"type": "object", "required": []any{"Nats-Service-Error", "Nats-Service-Error-Code"},
		"properties": object{
			"Nats-Service-Error":      object{"type": "string", "description": "The problem's title"},
			"Nats-Service-Error-Code": object{"type": "string", "pattern": "^[45][0-9][0-9]$"},
		},
	}
	for _, s := range services() {
		d.describeService(s, problem)
	}
}

func (d *asyncDocument) describeService(s service, problem object) {
	path, method := s.operation[0], s.operation[1]
	summary, _ := d.at("paths", path, method, "summary").(string)
	answer, _ := d.at("paths", path, method, "responses", "200", "content", "application/json").(object)
	requests := []object{d.request(s, summary)}
	if s.name == "append" {
		requests = append(requests, ref("components", "messages", "event"))
		d.requestHeaders("event")
		delete(d.messages["event"].(object)["headers"].(object), "required") // not in the inbox
	}
	reply := d.message(s.name+"Reply", "application/json", "Answer to "+s.subject, d.use(answer["schema"]), answer["example"])
	asked := d.channel(s.name, d.prefix+"."+s.subject, summary+". A NATS micro service; the reply goes to the request's reply subject.", requests...)
	answers := d.channel(s.name+"Reply", nil, "The reply subject that the request names.", reply, problem)
	d.operations[s.name] = object{
		"action": "receive", "channel": asked, "summary": summary, "messages": through(asked, requests...),
		"reply":    object{"channel": answers, "messages": through(answers, reply, problem)},
		"security": []any{ref("components", "securitySchemes", "key")},
	}
}

// request describes what a service is asked: the route's body, or for a route
// without one the members of its path and query.
func (d *asyncDocument) request(s service, summary string) object {
	name := s.name + "Request"
	var m object
	if s.body == "" {
		m = d.message(name, "application/json", summary, object{
			"type": "object", "required": []any{"id"}, "additionalProperties": false,
			"properties": object{
				"id":           object{"type": "string", "description": "Customer id"},
				"min_position": object{"type": "integer", "minimum": 0, "description": "The answer includes everything up to this position"},
			},
		}, object{"id": exampleCustomer().String()})
	} else {
		content, _ := d.at("paths", s.operation[0], s.operation[1], "requestBody", "content", s.body).(object)
		m = d.message(name, s.body, summary, d.use(content["schema"]), content["example"])
	}
	d.requestHeaders(name)
	return m
}

// changeSchemaName is what schemaName makes of changes.Change.
const changeSchemaName = "ChangesChange"

// describeChanges describes the change feed, a channel for each kind.
func (d *asyncDocument) describeChanges() {
	payload := d.use(object{"$ref": "#/components/schemas/" + changeSchemaName})
	for _, kind := range changes.Kinds() {
		name := "changes." + string(kind)
		m := d.message("change."+string(kind), "application/json", "A change of kind "+string(kind),
			object{"allOf": []any{payload, object{"properties": object{"kind": object{"const": string(kind)}}}}}, exampleChange(kind))
		ch := d.channel(name, d.prefix+".changes."+string(kind), "The change feed: stream "+strings.ToUpper(d.prefix)+"_CHANGES"+
			", in which a key has one consumer, named like the key's id. No customer's value is in it.", m)
		d.operations[name] = object{
			"action": "send", "channel": ch, "summary": "Tell a change of kind " + string(kind), "messages": through(ch, m),
			"security": []any{ref("components", "securitySchemes", "key")},
		}
	}
}

// exampleChange is a change of a kind with the fields that it sets.
func exampleChange(kind changes.Kind) changes.Change {
	other := events.RecordKey{Source: "/shop", ID: "9"}
	c := changes.Change{
		ID: changes.ID{Position: 815}, Position: 815, Kind: kind, Time: time.Date(2026, 3, 2, 9, 15, 1, 0, time.UTC),
		Customer: exampleCustomer(), Version: 7, Live: true,
	}
	switch kind {
	case changes.Created, changes.Changed:
		c.Records = []changes.Record{changeRecord(exampleRecord())}
	case changes.Merged:
		c.Records = []changes.Record{changeRecord(exampleRecord()), changeRecord(other)}
		c.Losers = []uuid.UUID{other.UUID()}
	case changes.Split:
		c.Records = []changes.Record{changeRecord(exampleRecord())}
		c.Parts = []changes.Part{{Customer: exampleCustomer(), Version: 7, Records: c.Records}, {Customer: other.UUID(), Version: 3, Records: []changes.Record{changeRecord(other)}}}
	case changes.Redirected:
		c.Customer, c.To, c.Live = other.UUID(), exampleCustomer(), false
	case changes.ContactFlip:
		c.Binding, c.Choice = []string{exampleStatementAnswer().Statement}, "deny"
	}
	if kind == changes.Changed {
		c.Attributes = []string{"phones"}
	}
	return c
}

func changeRecord(k events.RecordKey) changes.Record {
	k = k.Normal()
	return changes.Record{Source: k.Source, Stream: k.Stream, ID: k.ID, UUID: k.UUID(), Live: true, FirstSeen: 41}
}
