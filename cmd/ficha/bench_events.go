package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"ficha/events"
)

// Sources of the events that `ficha bench` makes up.
const (
	benchCRM = "/bench/crm"
	benchPBX = "/bench/pbx"
)

const (
	benchBatch     = 1000 // events a body
	benchClients   = 4    // that send bodies at once
	benchEventSize = 587  // bytes of an interaction as it is sent, about
)

// eventMaker makes events that the hub has never seen: everything in them hangs
// on a running number. Safe for concurrent use.
type eventMaker struct {
	customers int       // that interactions are about
	at        time.Time // of all events
	made      atomic.Int64
	changes   atomic.Int64
}

// newEventMaker makes events of an hour ago, which no clock takes for the future.
func newEventMaker(customers int) *eventMaker {
	return &eventMaker{customers: max(1, customers), at: time.Now().UTC().Add(-time.Hour).Truncate(time.Second)}
}

func customerKey(i int) events.RecordKey {
	return events.RecordKey{Source: benchCRM, Stream: events.DefaultStream, ID: fmt.Sprint("c", i)}
}

// customerPhone is a Guatemalan number of its own for each of the first 10 million.
func customerPhone(i int) string { return fmt.Sprintf("+5025%07d", i) }

// everyone states each customer once.
func (m *eventMaker) everyone() []events.Envelope {
	all := make([]events.Envelope, m.customers)
	for i := range all {
		all[i] = m.envelope(fmt.Sprint("everyone-", i), benchCRM, events.CustomerRecordedV1, events.CustomerRecorded{
			Record: events.Record{RecordKey: customerKey(i)}, Kind: events.Person,
			Names:     []events.Name{{Given: syllables(i), Family: syllables(i*7 + 3), Family2: syllables(i*13 + 5)}},
			BirthDate: m.at.AddDate(-18-i%60, 0, -i%365).Format(time.DateOnly),
			Phones:    []events.Phone{{Value: customerPhone(i)}},
			Emails:    []events.Email{{Value: fmt.Sprintf("c%d@example.com", i)}},
			Segment:   "personal",
		})
	}
	return all
}

// syllables makes up a name.
func syllables(i int) string {
	parts := [...]string{"ma", "re", "li", "so", "tu", "va", "ne", "pi", "do", "cu", "ba", "ge", "fi", "lo", "ru", "za"}
	name := ""
	for range 4 {
		name += parts[i%len(parts)]
		i = i/len(parts) + i%5
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// change states another segment of a customer and gives the segment.
func (m *eventMaker) change(customer int) (events.Envelope, string) {
	n := m.changes.Add(1)
	segment := fmt.Sprint("segment-", n)
	e := m.envelope(fmt.Sprint("change-", n), benchCRM, events.CustomerRecordedV1, events.CustomerRecorded{
		Record: events.Record{RecordKey: customerKey(customer)}, Kind: events.Person, Mode: events.ModePatch, Segment: segment,
	})
	e.Time = m.at.Add(time.Duration(n) * time.Millisecond)
	return e, segment
}

// interactions makes n calls of customers, each of about [benchEventSize] bytes.
func (m *eventMaker) interactions(n int) []events.Envelope {
	all := make([]events.Envelope, n)
	first := int(m.made.Add(int64(n))) - n
	for i := range all {
		all[i] = m.interaction(first + i)
	}
	return all
}

func (m *eventMaker) interaction(no int) events.Envelope {
	who := no * 7919 % m.customers
	customer := customerKey(who)
	seconds := int64(30 + no%600)
	id := fmt.Sprintf("call-%08d", no)
	return m.envelope(id, benchPBX, events.InteractionRecordedV1, events.InteractionRecorded{
		Record: events.Record{RecordKey: events.RecordKey{Source: benchPBX, Stream: "call", ID: id}}, Customer: &customer,
		ContactPoints: []events.ContactPoint{{Phone: customerPhone(who)}},
		Channel:       "voice", Direction: "inbound", StartedAt: m.at.Add(time.Duration(no%3000) * time.Second).Format(time.RFC3339),
		DurationS: &seconds, Purpose: "service", Product: "credit-card", Outcome: "resolved",
		Subject: "Consulta de saldo", Agent: &events.Agent{ID: fmt.Sprint("a", no%60), Team: "service"},
	})
}

// envelope puts a payload into an envelope. Interactions are filled up with text
// to the size that all figures are about.
func (m *eventMaker) envelope(id, source string, typ events.Type, payload any) events.Envelope {
	e := events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: m.at, Data: encoded(payload)}
	if i, ok := payload.(events.InteractionRecorded); ok {
		const text = "Llamó por el saldo de su tarjeta; se le leyó y quedó conforme. "
		i.Text = strings.Repeat(text, 3)[:max(1, benchEventSize-len(encoded(e))-len(`,"text":""`))]
		i.Text = strings.ToValidUTF8(i.Text, "")
		e.Data = encoded(i)
	}
	return e
}

// encoded is for structs of this module, which always have a JSON form.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bench: encode %T: %v", v, err))
	}
	return b
}

// eventBody is a body of a POST.
type eventBody struct {
	events int // in it
	bytes  []byte
}

// batchBodies writes events as bodies of [benchBatch] each.
func batchBodies(all []events.Envelope) []eventBody {
	var bodies []eventBody
	for batch := range slices.Chunk(all, benchBatch) {
		bodies = append(bodies, eventBody{events: len(batch), bytes: encoded(batch)})
	}
	return bodies
}

// batchesOf yields [benchBatch] events at a time, at the end what is left. A
// batch is the receiver's to keep.
func batchesOf(all iter.Seq[events.Envelope]) iter.Seq[[]events.Envelope] {
	return func(yield func([]events.Envelope) bool) {
		var batch []events.Envelope
		for e := range all {
			if batch = append(batch, e); len(batch) == benchBatch {
				if !yield(batch) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// rawEvents are events as the raw sides use them: as they would be sent, and as
// the log would store them.
type rawEvents struct {
	sent   [][]byte
	stored [][]byte
}

func rawOf(all []events.Envelope) (rawEvents, error) {
	r := rawEvents{sent: make([][]byte, len(all)), stored: make([][]byte, len(all))}
	for i, e := range all {
		r.sent[i] = encoded(e)
		e.RecordedTime = e.Time
		var err error
		if r.stored[i], err = events.Encode(e, events.Door{Taken: uint64(i), Appended: uint64(i), InLane: uint64(i)}); err != nil {
			return r, err
		}
	}
	return r, nil
}

// inBatches cuts messages into atomic batches.
func inBatches(all [][]byte) [][][]byte { return slices.Collect(slices.Chunk(all, benchBatch)) }
