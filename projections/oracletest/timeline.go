package oracletest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// Timeline gives the lines of timeline.Content for a log of valid events: one for
// each interaction that was not withdrawn, and whom it belongs to.
func Timeline(evs []events.Envelope) ([]string, error) {
	type word struct {
		stamp    events.Stamp
		what     events.Type
		said     events.InteractionRecorded
		assigned *events.RecordKey
		env      events.Envelope
	}
	all := map[string][]word{}
	for _, e := range evs {
		w := word{what: e.Type, env: e}
		var about events.Record
		switch e.Type {
		case events.InteractionRecordedV1:
			if err := json.Unmarshal(e.Data, &w.said); err != nil {
				return nil, err
			}
			about = w.said.Record
		case events.InteractionAssignedV1:
			var a events.InteractionAssigned
			if err := json.Unmarshal(e.Data, &a); err != nil {
				return nil, err
			}
			about.RecordKey, w.assigned = a.Interaction, a.Customer
		case events.InteractionWithdrawnV1:
			var x events.InteractionWithdrawn
			if err := json.Unmarshal(e.Data, &x); err != nil {
				return nil, err
			}
			about = x.Record
		default:
			continue
		}
		w.stamp = events.StampOf(e, about.Revision)
		all[about.String()] = append(all[about.String()], w)
	}
	var lines []string
	for key, words := range all {
		slices.SortFunc(words, func(a, b word) int { return a.stamp.Compare(b.stamp) })
		var said *word
		var assigned *events.RecordKey
		gone := false
		for i, w := range words {
			switch w.what {
			case events.InteractionRecordedV1:
				said, gone = &words[i], false
			case events.InteractionAssignedV1:
				assigned = w.assigned
			case events.InteractionWithdrawnV1:
				gone = true
			}
		}
		if said == nil || gone {
			continue
		}
		for _, owner := range owners(&said.said, assigned) {
			line, err := Canonical(map[string]any{"owner": owner, "at": begin(said.said.StartedAt, said.env.Time), "interaction": key, "data": said.env.Data})
			if err != nil {
				return nil, fmt.Errorf("write line: %w", err)
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func begin(startedAt string, otherwise time.Time) string {
	t, err := time.Parse(time.RFC3339, startedAt)
	if err != nil {
		t = otherwise
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// owners says whom an interaction belongs to.
func owners(said *events.InteractionRecorded, assigned *events.RecordKey) []string {
	switch {
	case assigned != nil:
		return []string{assigned.UUID().String()}
	case said.Customer != nil:
		return []string{said.Customer.UUID().String()}
	}
	var out []string
	for _, c := range said.ContactPoints {
		for _, read := range []func() (contactpoint.Point, bool){
			func() (contactpoint.Point, bool) { return contactpoint.Phone(c.Phone, "") },
			func() (contactpoint.Point, bool) { return contactpoint.Email(c.Email) },
			func() (contactpoint.Point, bool) { return contactpoint.Handle(c.Handle, c.Network) },
		} {
			if p, ok := read(); ok && !slices.Contains(out, p.Key()) {
				out = append(out, p.Key())
			}
		}
	}
	return out
}
