package stewardtest

import (
	"fmt"
	"math/rand/v2"

	"ficha/events"
)

// Twins are two records that matching takes for a pair to look at, and nobody else
// for either: the first has the number 2i, the second 2i+1. They have the name in
// common, and neither telephone nor e-mail address.
func (w *World) Twins(i int) []events.Envelope {
	w.T.Helper()
	rng := rand.New(rand.NewPCG(uint64(i), 42))
	name := events.Name{Given: syllables(rng), Family: syllables(rng), Family2: syllables(rng)}
	short := name
	short.Family2 = ""
	return []events.Envelope{
		w.Recorded(Key(2*i), name, fmt.Sprintf("+502%08d", 20000000+7919*i), syllables(rng)+"@example.com"),
		w.Recorded(Key(2*i+1), short, fmt.Sprintf("+502%08d", 59999999-6007*i), syllables(rng)+"@example.org"),
	}
}

// Recorded is the event that states a person's record.
func (w *World) Recorded(key events.RecordKey, name events.Name, phone, email string) events.Envelope {
	w.T.Helper()
	return w.Event(key.Source, fmt.Sprintf("rec-%s-%d", key.ID, w.Now().UnixMilli()), events.CustomerRecordedV1, events.CustomerRecorded{
		Record: events.Record{RecordKey: key}, Kind: events.Person, Names: []events.Name{name},
		Phones: []events.Phone{{Value: phone}}, Emails: []events.Email{{Value: email}},
	})
}

// syllables makes a name that nobody has.
func syllables(rng *rand.Rand) string {
	const consonants, vowels = "bcdfghjklmnprstvz", "aeiou"
	b := make([]byte, 0, 8)
	for range 4 {
		b = append(b, consonants[rng.IntN(len(consonants))], vowels[rng.IntN(len(vowels))])
	}
	b[0] -= 'a' - 'A'
	return string(b)
}
