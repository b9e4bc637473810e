package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/projections/changes"
)

// EventSchemas gives the JSON Schemas of the data of event types;
// *schemas.Registry is one.
type EventSchemas interface {
	// Types lists the types that may be published, sorted.
	Types() []string
	// Document gives a type's schema as JSON that needs no other file.
	Document(typ string) ([]byte, bool)
}

// NATSRights says what a principal may do over NATS: what the table of roles says
// of the same operations over HTTP. Sources are those for which it may append.
func NATSRights(p apikey.Principal) (appends, asks, follows bool, sources []string) {
	may := func(operation string) bool {
		a, ok := accessTo(operation)
		return ok && p.Has(a.roles...)
	}
	asks = may(opContactCheck) && may(opCustomerGet) && may(opCustomerLookup) && may(opCustomerSearch)
	if appends = may(opEventsSubmit); appends {
		sources = publisher(p).Sources
	}
	return appends, asks, may(opChanges), sources
}

// asyncapiRoutes adds the AsyncAPI document of what is served over NATS. It is
// made once, at the first request, when all operations are known.
func (s *server) asyncapiRoutes() {
	// The change feed's type stands in no route's answer: that is a stream of them.
	s.api.OpenAPI().Components.Schemas.Schema(typeOf[changes.Change](), true, "Change")
	document := sync.OnceValues(s.asyncAPI)
	s.plain(route{
		id: opAsyncAPI, method: http.MethodGet, path: "/asyncapi.json", tag: "operations",
		summary: "What is served over NATS, as an AsyncAPI 3.0 document",
	}, asyncAPIType, func(w http.ResponseWriter, r *http.Request) {
		b, err := document()
		s.writeDocument(w, r, asyncAPIType, b, err)
	})
}

// asyncAPIType is the media type that the specification gives such a document.
const asyncAPIType = "application/vnd.aai.asyncapi+json;version=3.0.0"

// object is a piece of a JSON document.
type object = map[string]any

func ref(path ...string) object { return object{"$ref": "#/" + strings.Join(path, "/")} }

// asyncAPI writes the document. What is asked and answered is described by the
// schemas of the OpenAPI document, since it is the same.
func (s *server) asyncAPI() ([]byte, error) {
	open, err := s.openAPIAsObject()
	if err != nil {
		return nil, err
	}
	d := &asyncDocument{
		open: open, prefix: orElse(s.cfg.NATSPrefix, "ficha"),
		channels: object{}, operations: object{}, messages: object{}, schemas: object{},
	}
	d.describeEvents(s.cfg.EventSchemas)
	d.describeServices()
	d.describeChanges()
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("make AsyncAPI document: %w", err)
	}
	return json.Marshal(object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Ficha", "version": s.cfg.Build.Version,
			"description": "What the hub serves over NATS. Each request carries the key: Authorization: Bearer ficha_…; an answer with the header " +
				"Nats-Service-Error-Code (the HTTP status) has a problem as its payload.",
		},
		"defaultContentType": "application/json",
		"channels":           d.channels,
		"operations":         d.operations,
		"components": object{
			"messages": d.messages, "schemas": d.schemas,
			"securitySchemes": object{"key": object{"type": "http", "scheme": "bearer", "description": "A key, also the token or password of the connection."}},
		},
	})
}

func (s *server) openAPIAsObject() (object, error) {
	b, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	var open object
	return open, json.Unmarshal(b, &open)
}

// asyncDocument is the document while it is made.
type asyncDocument struct {
	open                                    object
	prefix                                  string
	channels, operations, messages, schemas object
	missing                                 []string
}

func (d *asyncDocument) err() error {
	if len(d.missing) > 0 {
		return errors.New("the OpenAPI document has no " + strings.Join(d.missing, ", "))
	}
	return nil
}

// at gives the value at a path of the OpenAPI document.
func (d *asyncDocument) at(path ...string) any {
	var v any = d.open
	for _, p := range path {
		o, ok := v.(object)
		if !ok || o[p] == nil {
			d.missing = append(d.missing, strings.Join(path, " "))
			return nil
		}
		v = o[p]
	}
	return v
}

// use takes over a schema of the OpenAPI document with all that it refers to.
func (d *asyncDocument) use(schema any) any {
	const place = "#/components/schemas/"
	switch v := schema.(type) {
	case object:
		if to, ok := v["$ref"].(string); ok && strings.HasPrefix(to, place) {
			name := strings.TrimPrefix(to, place)
			if _, done := d.schemas[name]; !done {
				d.schemas[name] = true // before what it refers to, which may be itself
				d.schemas[name] = d.use(d.at("components", "schemas", name))
			}
			return v
		}
		out := object{}
		for key, value := range v {
			if key != "$schema" {
				out[key] = d.use(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = d.use(v[i])
		}
		return out
	}
	return schema
}

// message adds a message and gives the reference to it.
func (d *asyncDocument) message(name, contentType, text string, payload any, examples ...any) object {
	m := object{"name": name, "contentType": contentType, "summary": text, "payload": payload}
	var all []any
	for _, e := range examples {
		all = append(all, object{"name": "example", "payload": e})
	}
	if len(all) > 0 {
		m["examples"] = all
	}
	d.messages[name] = m
	return ref("components", "messages", name)
}

// requestHeaders describes the headers of a request.
func (d *asyncDocument) requestHeaders(message string) {
	text := func(description string) object { return object{"type": "string", "description": description} }
	d.messages[message].(object)["headers"] = object{
		"type": "object", "required": []any{"Authorization"},
		"properties": object{
			"Authorization":   object{"type": "string", "pattern": "^Bearer ficha_", "description": "The key; it decides what this request may do"},
			"Accept-Language": text("es or en: texts for people"),
			"Ficha-Position":  text("The answer includes everything up to this position"),
			"Content-Type":    text("Of events: application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson; left out: looked at"),
			"Prefer":          text("wait=N: of writes, answer when reads show it"),
			"Traceparent":     text("W3C trace context"),
		},
	}
}

// channel adds a channel; address nil is one that the message itself names.
func (d *asyncDocument) channel(name string, address any, text string, messages ...object) object {
	all := object{}
	for _, m := range messages {
		to := m["$ref"].(string)
		all[to[strings.LastIndexByte(to, '/')+1:]] = m
	}
	d.channels[name] = object{"address": address, "description": text, "messages": all}
	return ref("channels", name)
}

// through refers to messages by way of a channel, as operations must.
func through(channel object, messages ...object) []any {
	var all []any
	for _, m := range messages {
		to := m["$ref"].(string)
		all = append(all, object{"$ref": channel["$ref"].(string) + "/messages/" + to[strings.LastIndexByte(to, '/')+1:]})
	}
	return all
}

// sortedTypes are the types of events, none without schemas.
func sortedTypes(s EventSchemas) []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(slices.Values(s.Types()))
}

// describeEvents describes the event with the data of each type.
func (d *asyncDocument) describeEvents(known EventSchemas) {
	event, ok := d.use(d.at("components", "schemas", "Event")).(object)
	if !ok {
		return
	}
	event = maps.Clone(event)
	var rules []any
	for _, typ := range sortedTypes(known) {
		text, _ := known.Document(typ)
		var schema object
		if json.Unmarshal(text, &schema) != nil {
			d.missing = append(d.missing, "schema of "+typ)
			continue
		}
		delete(schema, "$schema")
		delete(schema, "$id")
		d.schemas[typ] = schema
		rules = append(rules, object{
			"if":   object{"properties": object{"type": object{"const": typ}}},
			"then": object{"properties": object{"data": ref("components", "schemas", typ)}},
		})
	}
	if len(rules) > 0 {
		event["allOf"] = rules
	}
	d.schemas["Event"] = event
	one := d.message("event", string(events.FormatEvent), "One CloudEvent 1.0 in structured mode", ref("components", "schemas", "Event"), exampleEvent())
	inbox := d.channel("inbox", d.prefix+".inbox.{source}", "Fire and forget: a JetStream stream. Its acknowledgement means stored; the hub takes valid events into "+
		"the log and keeps others as dead letters.", one)
	d.channels["inbox"].(object)["parameters"] = object{"source": object{
		"description": "The event's source as one token: letters, digits, - and _ stand for themselves, every other byte is ~ and two capital hexadecimal digits",
		"examples":    []any{"~2Fcrm~2Fbank"},
	}}
	d.operations["leaveInInbox"] = object{"action": "receive", "channel": inbox, "summary": "Leave an event to be taken", "messages": through(inbox, one), "security": []any{ref("components", "securitySchemes", "key")}}
}
