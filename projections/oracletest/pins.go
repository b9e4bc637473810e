package oracletest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"ficha/events"
)

// pinned is the last word of a steward on an attribute of a record; no value: taken back.
type pinned struct {
	value any
	stamp events.Stamp
}

// pin notes on each record what was pinned on it.
func pin(evs []events.Envelope, sources map[uuid.UUID]*source) error {
	for _, e := range evs {
		if e.Type != events.ValuePinnedV1 && e.Type != events.ValueUnpinnedV1 {
			continue
		}
		var said struct {
			Record    events.RecordKey
			Attribute string
			Value     any
		}
		if err := json.Unmarshal(e.Data, &said); err != nil {
			return fmt.Errorf("read pin: %w", err)
		}
		s := sources[said.Record.UUID()]
		if s == nil {
			continue // nobody's yet
		}
		if s.pins == nil {
			s.pins = map[string]pinned{}
		}
		now := pinned{said.Value, events.StampOf(e, nil)}
		if was, ok := s.pins[said.Attribute]; !ok || now.stamp.Compare(was.stamp) > 0 {
			s.pins[said.Attribute] = now
		}
	}
	return nil
}

// spokenFor gives for each attribute that is pinned on some record of a group, live
// or not, a source that states the latest pin and nothing else.
func spokenFor(group []*source) []*source {
	latest, owner := map[string]pinned{}, map[string]*source{}
	for _, s := range group {
		for attribute, p := range s.pins {
			if was, ok := latest[attribute]; p.value != nil && (!ok || p.stamp.Compare(was.stamp) > 0) {
				latest[attribute], owner[attribute] = p, s
			}
		}
	}
	var out []*source
	for attribute, p := range latest {
		value := p.value
		if slices.Contains(strings.Fields("names documents phones emails addresses handles"), attribute) {
			value = []any{value}
		}
		on := owner[attribute]
		out = append(out, &source{key: on.key, live: true, fields: map[string]stated{attribute: {value, p.stamp.Time}}, speaks: on})
	}
	return out
}
