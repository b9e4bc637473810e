package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ficha/events"
	"ficha/events/gateway"
)

// TestDeadLettersNameWhatBinds: a dead letter names the very statement that binds
// in place of its event, so that it can be released with it.
func TestDeadLettersNameWhatBinds(t *testing.T) {
	deny := event("x", "contact.stated.v1", `{"choice":"denied","contact_points":[{"phone":"5555 0101"}]}`)
	cut := deny[:len(deny)-3]
	cases := map[string]func(d *door){
		"submitted":  func(d *door) { d.submit(events.FormatEvent, " \n"+deny+"\n") },
		"in a batch": func(d *door) { d.submit(events.FormatBatch, "[ "+customer("1")+" , "+deny+" ]") },
		"cut short":  func(d *door) { d.submit(events.FormatEvent, cut) },
		"of no source": func(d *door) {
			d.submit(events.FormatEvent, `{"type":"contact.stated.v1","data":{"choice":"no","contact_points":["5555 0101"]}}`)
		},
		"byte order mark": func(d *door) { d.submit(events.FormatNDJSON, "\ufeff"+deny) },
		"named twice":     func(d *door) { d.submit(events.FormatEvent, `{"id":"other",`+deny[1:]) },
		"larger than an event": func(d *door) {
			d.submit(events.FormatEvent, event("x", "contact.stated.v1", `{"choice":"no","contact_points":["5555 0101"],"text_shown":"`+strings.Repeat("x", 1<<20)+`"}`))
		},
		"of a reused id": func(d *door) {
			d.one(customer("x"))
			d.one(event("x", "contact.stated.v1", denyData))
		},
		"by the inbox": func(d *door) {
			if err := d.MoveInbox(t.Context(), []gateway.InboxMessage{{Source: "/crm/bank", Bytes: []byte("\n " + deny + " ")}}); err != nil {
				t.Fatal(err)
			}
		},
		"of the hub": func(d *door) {
			e := events.Envelope{ID: "x", Source: "/ficha/desk", Type: events.ContactStatedV1, Time: noon, Data: json.RawMessage(`{"choice":"deny","contact_points":[{"phone":"5555 0101"}]}`)}
			if _, err := d.Publish(t.Context(), theHub, []events.Envelope{e}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, send := range cases {
		t.Run(name, func(t *testing.T) {
			d := open(t, nil)
			send(d)
			kept, stored := d.letters(), d.stored()
			if len(kept) != 1 {
				t.Fatalf("%d dead letters, want 1", len(kept))
			}
			last := stored[len(stored)-1]
			if last.Source != gateway.Source || kept[0].Provisional != last.ID {
				t.Errorf("named %q; bound %s %s", kept[0].Provisional, last.Source, last.ID)
			}
		})
	}
	d := open(t, nil)
	if err := d.MoveInbox(t.Context(), []gateway.InboxMessage{{Source: "/crm/bank", Bytes: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if kept := d.letters(); len(kept) != 1 || kept[0].Provisional != "" {
		t.Errorf("what is no deny names one: %+v", kept)
	}
}
