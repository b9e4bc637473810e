package contact

import (
	"encoding/json"
	"fmt"
	"testing"

	"ficha/events"
	"ficha/projections"
	"ficha/projections/golden"
	"ficha/projections/pebblestore"
	"ficha/projections/projectionstest"
)

// BenchmarkDecide: facts in hand, as for most customers: a few statements.
func BenchmarkDecide(b *testing.B) {
	statement := func(choice events.Choice, at int, scope events.Scope) Bound {
		s := &Statement{Folio: "0123456789ABCDEF", Choice: choice, StatedAt: hour(at), Scope: scope}
		s.index()
		return Bound{Statement: s, Reach: ReachRecord, Record: key("1").UUID()}
	}
	phone := []PointFact{{Point: point(phoneA), Asked: true}}
	for name, f := range map[string]*Facts{
		"nothing stated": {Points: phone},
		"allowed": {Points: phone, Bounds: []Bound{statement(events.Deny, -9, products("card")), statement(events.Deny, -8, onChannels("email")),
			statement(events.Deny, -7, products("loan")), statement(events.Allow, -6, products("loan"))}},
		"denied": {Points: phone, Bounds: []Bound{statement(events.Deny, -9, products("loan")), statement(events.Allow, -6, purposes("newsletter"))}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Decide(f, &loan, noon)
			}
		})
	}
}

const benchCustomers = 30_000

// BenchmarkCheck: customers and statements in Pebble, who is who from the golden
// projection; every tenth customer has said something.
func BenchmarkCheck(b *testing.B) {
	h := &hub{}
	db, err := pebblestore.Open(pebblestore.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	store, err := db.Store("live")
	if err != nil {
		b.Fatal(err)
	}
	h.end = fillBench(b, store)
	h.last, h.at = h.end, h.end
	cfg := h.config(GoldenIdentity{})
	cfg.Store = store
	c, err := NewChecker(cfg)
	if err != nil {
		b.Fatal(err)
	}
	reqs := make([]Request, MaxChecks)
	for i := range reqs {
		reqs[i] = Request{Who: Who{Phone: benchPhone(i * 7 % benchCustomers)}, Channel: "voice", Purpose: "marketing", Product: "loan"}
	}
	b.Run("batch of 10000", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Check(b.Context(), reqs, 0); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*MaxChecks/b.Elapsed().Seconds(), "checks/s")
	})
	b.Run("single", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, err := c.Check(b.Context(), reqs[i%MaxChecks:i%MaxChecks+1], 0); err != nil {
				b.Fatal(err)
			}
			i++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
	})
}

func benchPhone(i int) string { return fmt.Sprintf("+5025%07d", i) }

func fillBench(b *testing.B, store projections.Store) events.Position {
	folds := []projections.Fold{golden.New(), NewFold()}
	at := events.Position(0)
	for at < benchCustomers {
		var evs []events.Envelope
		for range 1000 {
			i := int(at) + len(evs)
			data, _ := json.Marshal(events.CustomerRecorded{Record: events.Record{RecordKey: key(fmt.Sprint(i))}, Kind: events.Person,
				Names: []events.Name{{Given: "Ana", Family: fmt.Sprint("Cruz", i)}}, Phones: []events.Phone{{Value: benchPhone(i)}},
				Emails: []events.Email{{Value: fmt.Sprintf("c%d@example.com", i)}}})
			evs = append(evs, events.Envelope{ID: fmt.Sprint("c", i), Source: "/crm/bank", SpecVersion: "1.0", Type: events.CustomerRecordedV1,
				Time: hour(-9), RecordedTime: hour(-9), Data: data})
		}
		at = commitBench(b, store, folds, at, evs)
	}
	var evs []events.Envelope
	for i := 0; i < benchCustomers; i += 10 {
		evs = append(evs, deny(-5).on(fmt.Sprint(i)).at2(benchPhone(i)).about(products("loan")).event(b, i))
	}
	return commitBench(b, store, folds, at, evs)
}

func commitBench(b *testing.B, store projections.Store, folds []projections.Fold, at events.Position, evs []events.Envelope) events.Position {
	b.Helper()
	snap, err := store.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	work := projections.NewWork(b.Context(), snap)
	for i, e := range evs {
		d, err := events.Decode(events.Stored{Envelope: e, Position: at + events.Position(i) + 1})
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range folds {
			if err := work.Apply(f, d); err != nil {
				b.Fatal(err)
			}
		}
	}
	to := at + events.Position(len(evs))
	if err := store.Commit(b.Context(), projections.Commit{Runner: "test", At: at, To: to, Changes: work.Changes()}); err != nil {
		b.Fatal(err)
	}
	return to
}

// BenchmarkFold: one statement on a record and a number, into rows in memory.
func BenchmarkFold(b *testing.B) {
	d, err := events.Decode(events.Stored{Envelope: deny(-5).on("1").at2(phoneA).event(b, 0), Position: 1})
	if err != nil {
		b.Fatal(err)
	}
	in := d.Payload.(*events.ContactStated)
	for b.Loop() {
		work := projections.NewWork(b.Context(), snapshot(b, projectionstest.NewMemory()))
		for i := range 100 {
			d.ID = fmt.Sprint(i)
			in.Records[0].ID = d.ID
			if err := work.Apply(Fold{}, d); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "statements/s")
}
