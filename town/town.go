package town

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"ficha/events"
)

// Config says which town. The zero value of a field means its default.
type Config struct {
	// People is how many persons live in the town, without its organisations
	// (one for fifty people) and the customer of [Town.Declined]. Default 5,000,
	// at most 10 million. Telephone numbers and documents are all unlike up to
	// about 700,000 people.
	People int
	// Seed picks the town. Default 1.
	Seed uint64
	// Now is the end of the story, which begins 183 days before; no event is
	// later than an hour before it. Cut to the hour. Default 2026-09-01 00:00 UTC.
	Now time.Time
}

const maxPeople = 10_000_000

func (c Config) withDefaults() Config {
	c.People = cmp.Or(c.People, 5000)
	c.Seed = cmp.Or(c.Seed, 1)
	if c.Now.IsZero() {
		c.Now = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	c.Now = c.Now.UTC().Truncate(time.Hour)
	return c
}

// Validate gives an error that wraps events.ErrInvalid where the Config cannot be used.
func (c Config) Validate() error {
	if c.People < 0 || c.People > maxPeople {
		return fmt.Errorf("check town: people must be from 1 to %d: %w", maxPeople, events.ErrInvalid)
	}
	return nil
}

// Town is a town whose events can be read as often as one likes. It is
// read-only after [Generate] and safe for concurrent use.
type Town struct {
	cfg        Config
	start      time.Time
	year       int
	words      *lexicon
	lands      []country
	habits     []habit
	acts       []activity
	noes       []wish
	households uint64
	companies  uint64
	last       int // people in the last household
	index      []entry
	records    int
}

// entry is an event's place: twelve bytes, so that big towns fit.
type entry struct {
	at   second
	unit uint32
	i    uint32
}

// Generate lays the town out: it draws who lives there and when what happens.
// Values are drawn when events are read.
func Generate(cfg Config) (*Town, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	all := habits()
	t := &Town{
		cfg: cfg, start: cfg.Now.AddDate(0, 0, -days), year: cfg.Now.Year(),
		words: newLexicon(), lands: countries(), habits: all, acts: activities(all), noes: wishesToStop(),
		companies: uint64(cfg.People/50 + 1),
	}
	for people := 0; people < cfg.People; t.households++ {
		t.last = min(size(cfg.Seed, t.households), cfg.People-people)
		people += t.last
	}
	t.index = make([]entry, 0, cfg.People*14)
	for no := range t.units() {
		u := t.unit(no)
		t.records += len(u.records)
		for i, o := range u.plan {
			t.index = append(t.index, entry{at: o.at, unit: uint32(no), i: uint32(i)})
		}
	}
	slices.SortFunc(t.index, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.unit, b.unit), cmp.Compare(a.i, b.i))
	})
	return t, nil
}

// units is how many there are: households, then organisations, then the
// customer of Declined.
func (t *Town) units() uint64 { return t.households + t.companies + 1 }

// unit draws unit no with its plan.
func (t *Town) unit(no uint64) *unit {
	switch {
	case no == t.units()-1:
		return t.declined(no)
	case no >= t.households:
		u := t.organisation(no)
		t.planned(u)
		return u
	}
	n := size(t.cfg.Seed, no)
	if no == t.households-1 {
		n = t.last
	}
	u := t.household(no, n)
	t.draw(roll(t.cfg.Seed, no, purposePlan, 1), u)
	t.planned(u)
	return u
}

// Len is how many events the town has.
func (t *Town) Len() int { return len(t.index) }

// Records is how many customer records the town's systems keep.
func (t *Town) Records() int { return t.records }

// Events yields the events in order of time, each valid against its type's
// schema, without recordedtime.
func (t *Town) Events() iter.Seq[events.Envelope] {
	return func(yield func(events.Envelope) bool) {
		for h := range t.happenings() {
			if !yield(h.event()) {
				return
			}
		}
	}
}

// happenings yields the events in order of time before their data is JSON.
// Units are kept in a cache of fixed size while they are being read.
func (t *Town) happenings() iter.Seq[happening] {
	return func(yield func(happening) bool) {
		var cache [4096]*unit
		for _, e := range t.index {
			slot := &cache[e.unit%uint32(len(cache))]
			if *slot == nil || (*slot).no != uint64(e.unit) {
				*slot = t.unit(uint64(e.unit))
			}
			if !yield(t.write(*slot, int(e.i))) {
				return
			}
		}
	}
}

// Truth says to whom a record really belongs. Records of one person have equal
// Person, which is the truth's name for somebody and appears in no event.
type Truth struct {
	Record events.RecordKey
	Person string
}

// Truth yields the owner of every customer record, by unit.
func (t *Town) Truth() iter.Seq[Truth] {
	return func(yield func(Truth) bool) {
		for no := range t.units() {
			u := t.unit(no)
			for _, r := range u.records {
				if !yield(Truth{Record: r.key, Person: u.truth(r)}) {
					return
				}
			}
		}
	}
}
