package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"ficha/events"
)

// probeSource is where a record is said to come from that is asked about and has
// no source: nobody may publish there.
const probeSource = events.HubSource + "/match"

// RecordedData is the data of a customer.recorded.v1, as a source would publish it.
// Its shape is that type's schema, to which the gateway holds it.
type RecordedData json.RawMessage

// Schema says in the OpenAPI document what a body may hold.
func (RecordedData) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "As the data of a customer.recorded.v1 event: kind (person or organization), names, birth_date, documents, phones, emails, " +
			"addresses … With record, source and id of a known record, it is asked about as changed.",
	}
}

// MarshalJSON gives the bytes as they came.
func (d RecordedData) MarshalJSON() ([]byte, error) { return json.RawMessage(d).MarshalJSON() }

// UnmarshalJSON keeps the bytes as they come.
func (d *RecordedData) UnmarshalJSON(b []byte) error { return (*json.RawMessage)(d).UnmarshalJSON(b) }

// recorded makes the event that would state the data, and has the gateway check it
// as if it were published.
func (s *server) recorded(ctx context.Context, data RecordedData) (events.RecordKey, events.Envelope, error) {
	key, raw, err := s.withKey(data)
	if err != nil {
		return key, events.Envelope{}, err
	}
	e := events.Envelope{
		ID: "match", Source: cmp.Or(key.Source, probeSource), SpecVersion: "1.0", Type: events.CustomerRecordedV1,
		Time: s.now(), DataContentType: "application/json", Data: raw,
	}
	body, err := json.Marshal(e)
	if err != nil {
		return key, e, fmt.Errorf("encode event: %w", err)
	}
	who := events.Principal{Name: callOf(ctx).principal.Name, Hub: true, Sources: []string{"*"}}
	res, err := s.cfg.Gateway.Validate(ctx, who, events.FormatEvent, body)
	if err != nil {
		return key, e, err
	}
	for _, r := range res.Results {
		if r.Status == events.StatusRejected {
			return key, e, inRecord(rejected(r.Errors))
		}
	}
	return key.Normal(), e, nil
}

// inRecord makes pointers into the data pointers into the request.
func inRecord(p *Problem) *Problem {
	for i, e := range p.Errors {
		if e.Pointer == "" || strings.HasPrefix(e.Pointer, "/") {
			p.Errors[i].Pointer = "/record" + e.Pointer
		}
	}
	return p
}

// withKey completes the record's key where it is left out: nobody has a key that is
// made of what the record says.
func (s *server) withKey(data RecordedData) (events.RecordKey, json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		return events.RecordKey{}, nil, invalid("/record", "is not a JSON object", "send the data of a customer.recorded.v1 event")
	}
	own := map[string]json.RawMessage{}
	if raw, ok := fields["record"]; ok {
		if err := json.Unmarshal(raw, &own); err != nil || own == nil {
			return events.RecordKey{}, nil, invalid("/record/record", "is not a JSON object", "name source and id, or leave it out")
		}
	}
	made := map[string]string{"source": probeSource, "id": "probe-" + s.digest("match", string(data))}
	for name, value := range made {
		if _, given := own[name]; !given {
			own[name] = json.RawMessage(`"` + value + `"`)
		}
	}
	var err error
	if fields["record"], err = json.Marshal(own); err != nil {
		return events.RecordKey{}, nil, fmt.Errorf("encode record: %w", err)
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return events.RecordKey{}, nil, fmt.Errorf("encode record: %w", err)
	}
	var key events.RecordKey
	if json.Unmarshal(fields["record"], &key) != nil {
		key = events.RecordKey{} // the gateway says what is wrong with it
	}
	return key, raw, nil
}
