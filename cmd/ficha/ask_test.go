package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"ficha/api/client"
	"ficha/events"
)

// check is one question to /v1/contact-checks, written as a dialler writes it.
type check struct {
	Who     map[string]any `json:"who"`
	Channel string         `json:"channel,omitempty"`
	Purpose string         `json:"purpose,omitempty"`
	Product string         `json:"product,omitempty"`
}

// marketingCall asks whether somebody may be called for marketing.
func marketingCall(by string, who any) check {
	return check{Who: map[string]any{by: who}, Channel: "voice", Purpose: "marketing"}
}

// verdict is what a caller of /v1/contact-checks reads of an answer.
type verdict struct {
	Decision string `json:"decision"`
	Reasons  []struct {
		Code      string            `json:"code"`
		Effect    string            `json:"effect"`
		Statement string            `json:"statement"`
		Text      string            `json:"text"`
		Texts     map[string]string `json:"texts"`
	} `json:"reasons"`
}

func (v verdict) allows() bool { return v.Decision == "allow" }

// deniesFor says whether the answer is deny and one of its reasons has the code.
func (v verdict) deniesFor(code string) bool {
	return v.Decision == "deny" && slices.Contains(v.codes(), code)
}

// codes gives the codes of the reasons that deny.
func (v verdict) codes() []string {
	codes := []string{}
	for _, r := range v.Reasons {
		if r.Effect == "deny" {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// ask puts questions to a hub; the answers are in their order.
func ask(ctx context.Context, c *client.Client, checks ...check) ([]verdict, error) {
	var res struct {
		Answers []verdict `json:"answers"`
	}
	if err := c.Do(ctx, http.MethodPost, "/v1/contact-checks", map[string]any{"checks": checks}, &res); err != nil {
		return nil, err
	}
	if len(res.Answers) != len(checks) {
		return nil, fmt.Errorf("%d checks got %d answers", len(checks), len(res.Answers))
	}
	return res.Answers, nil
}

// askOne puts one question, and ends the test when there is no answer.
func askOne(t *testing.T, c *client.Client, q check) verdict {
	t.Helper()
	answers, err := ask(t.Context(), c, q)
	if err != nil {
		t.Fatalf("contact check: %v", err)
	}
	return answers[0]
}

// made is an event of a source that happens now.
func made(source, id string, typ events.Type, data any) events.Envelope {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return events.Envelope{ID: id, Source: source, SpecVersion: "1.0", Type: typ, Time: time.Now().UTC(), Data: b}
}

// denied is a deny stated now for marketing; subjects are added by the caller.
func denied() events.ContactStated {
	return events.ContactStated{
		Choice: events.Deny, Scope: events.Scope{Purposes: []string{"marketing"}},
		StatedAt: time.Now().UTC().Format(time.RFC3339Nano), Via: events.Via{Channel: "voice", Agent: "a17"}, Reason: "not interested",
	}
}

func denyOfPhone(source, id, phone string) events.Envelope {
	d := denied()
	d.ContactPoints = []events.ContactPoint{{Phone: phone}}
	return made(source, id, events.ContactStatedV1, d)
}

func denyOfRecord(source, id string, record events.RecordKey) events.Envelope {
	d := denied()
	d.Records = []events.RecordKey{record}
	return made(source, id, events.ContactStatedV1, d)
}

// mustSubmit publishes events, all of which must be appended.
func mustSubmit(t *testing.T, c *client.Client, batch ...events.Envelope) events.SubmitResult {
	t.Helper()
	res, err := c.Submit(t.Context(), batch)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	for _, r := range res.Results {
		if r.Status != events.StatusAppended {
			t.Fatalf("event %s is %s: %+v", r.ID, r.Status, r.Errors)
		}
	}
	return res
}

// person is a customer of the tests: one record, one telephone, one address.
type person struct {
	key   events.RecordKey
	given string
	names [2]string // family names
	born  string
	phone string // +502 and eight digits
	email string
}

// people makes persons whom no two of matching takes for one: names are made of
// random syllables. Telephones count up from first.
func people(rng *rand.Rand, source string, first, n int) []person {
	out := make([]person, n)
	for i := range out {
		out[i] = person{
			key: events.RecordKey{Source: source, ID: fmt.Sprint(i)}, given: name(rng), names: [2]string{name(rng), name(rng)},
			born:  fmt.Sprintf("%d-%02d-%02d", 1930+rng.IntN(75), 1+rng.IntN(12), 1+rng.IntN(28)),
			phone: fmt.Sprintf("+502%08d", first+i), email: fmt.Sprintf("p%d.%s@example.com", first+i, name(rng)),
		}
	}
	return out
}

// name makes a name nobody has.
func name(rng *rand.Rand) string {
	const consonants, vowels = "bcdfghjklmnprstvz", "aeiou"
	b := make([]byte, 0, 8)
	for range 4 {
		b = append(b, consonants[rng.IntN(len(consonants))], vowels[rng.IntN(len(vowels))])
	}
	b[0] -= 'a' - 'A'
	return string(b)
}

// recorded is the event that states the person's record.
func (p person) recorded(id string) events.Envelope {
	return made(p.key.Source, id, events.CustomerRecordedV1, events.CustomerRecorded{
		Record: events.Record{RecordKey: p.key}, Kind: events.Person,
		Names:     []events.Name{{Given: p.given, Family: p.names[0], Family2: p.names[1]}},
		BirthDate: p.born, Phones: []events.Phone{{Value: p.phone}}, Emails: []events.Email{{Value: p.email}},
	})
}

// called is an outbound call to the person.
func (p person) called(id, text string) events.Envelope {
	now := time.Now().UTC().Format(time.RFC3339)
	return made("/pbx", id, events.InteractionRecordedV1, events.InteractionRecorded{
		Record:        events.Record{RecordKey: events.RecordKey{Source: "/pbx", Stream: "call", ID: id}},
		ContactPoints: []events.ContactPoint{{Phone: p.phone}}, Channel: "voice", Direction: "outbound", StartedAt: now, Text: text,
	})
}

// rewritten gives the telephone in one of the ways that people write it.
func rewritten(phone string, way int) string {
	d := phone[len("+502"):]
	switch way % 4 {
	case 0:
		return "+502 " + d[:4] + "-" + d[4:]
	case 1:
		return "00502" + d
	case 2:
		return d[:4] + " " + d[4:]
	}
	return "(+502) " + d[:4] + "." + d[4:]
}

// seeded gives the randomness of a test. The seed is printed; FICHA_SEED repeats it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("FICHA_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
