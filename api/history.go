package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"ficha/api/explain"
	"ficha/events"
	"ficha/events/record"
	"ficha/projections/golden"
)

// HistoryAnswer is a page of what happened to a customer's record, newest first.
type HistoryAnswer struct {
	AsOf
	Data       []HistoryEntry `json:"data"`
	NextCursor *string        `json:"next_cursor" doc:"null at the end"`
}

// HistoryEntry is one statement of a source, or one step in the customer's forming.
type HistoryEntry struct {
	Position  events.Position   `json:"position"`
	At        time.Time         `json:"at" doc:"When the hub took it"`
	Kind      string            `json:"kind" enum:"stated,joined,parted,regrouped,judged,verdict_withdrawn,pinned,unpinned"`
	Statement *HistoryStatement `json:"statement,omitempty" doc:"With stated"`
	Step      *explain.Step     `json:"step,omitempty" doc:"With any other kind"`
}

// HistoryStatement is what a source said about one of the customer's records.
type HistoryStatement struct {
	Record     events.RecordKey `json:"record"`
	Type       events.Type      `json:"type"`
	Source     string           `json:"source"`
	ID         string           `json:"id" doc:"Of the event, within source"`
	Time       time.Time        `json:"time" doc:"When it was so at the source"`
	Attributes []string         `json:"attributes" doc:"What it names"`
}

// RecordsAnswer lists the source records of a customer, each with what it says.
type RecordsAnswer struct {
	AsOf
	Data       []RecordDetail `json:"data"`
	Masked     bool           `json:"masked" doc:"Document numbers and birth dates are masked for your role"`
	NextCursor *string        `json:"next_cursor" doc:"null: a customer's records come in one page"`
}

// RecordDetail is one source record as it stands.
type RecordDetail struct {
	CustomerRecord
	Statements int                      `json:"statements" doc:"How many were taken about it"`
	StatedAt   *time.Time               `json:"stated_at" doc:"Time of the newest one at its source"`
	Data       *events.CustomerRecorded `json:"data" doc:"What it says, merged from its statements"`
}

type historyInput struct {
	ID string `path:"id" maxLength:"64" doc:"Customer id"`
	AtLeast
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Default 50"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before"`
}

type (
	historyOutput struct{ Body HistoryAnswer }
	recordsOutput struct{ Body RecordsAnswer }
)

func (s *server) historyRoutes() {
	register(s, route{
		id: opHistory, method: http.MethodGet, path: "/v1/customers/{id}/history", tag: "customers",
		summary: "What happened to a customer's record",
		text: "Every statement of a source about the customer's records and every step in its forming, newest first. " +
			"Read the customer as of any of these moments with `GET /v1/customers/{id}?at=…&known_at=…`.",
		problems: append(readProblems, http.StatusNotFound), response: exampleHistory(),
	}, s.getHistory)
	register(s, route{
		id: opRecords, method: http.MethodGet, path: "/v1/customers/{id}/records", tag: "customers",
		summary:  "The source records of a customer",
		text:     "Each source record with what it says by itself, withdrawn ones too. Document numbers and birth dates are masked for agents.",
		problems: append(readProblems, http.StatusNotFound), response: exampleRecords(),
	}, s.getRecords)
}

func (s *server) getHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	before := ^uint64(0)
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil {
			return nil, invalid("#query/cursor", "is no cursor of this list", "give next_cursor of the page before")
		}
	}
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.historyOf(ctx, v, c)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := HistoryAnswer{AsOf: v.asOf, Data: []HistoryEntry{}}
	limit := orElse(in.Limit, 50)
	for _, e := range all {
		if uint64(e.Position) >= before {
			continue
		}
		if len(out.Data) == limit {
			next := itoa(int64(out.Data[limit-1].Position))
			out.NextCursor = &next
			break
		}
		out.Data = append(out.Data, e)
	}
	return &historyOutput{Body: out}, s.finishHistory(ctx, out.Data, languageOf(in.Accept))
}

// historyOf gives everything, newest first. An event has one entry at most, so
// that its position tells where a page ended.
func (s *server) historyOf(ctx context.Context, v *view, c golden.Customer) ([]HistoryEntry, error) {
	f := newFormation(s, v, c)
	steps, err := f.steps(ctx)
	if err != nil {
		return nil, err
	}
	byPosition := map[events.Position]HistoryEntry{}
	for i := range steps {
		if steps[i].Kind != explain.StepSeen { // the record's first statement says it
			byPosition[steps[i].Position] = HistoryEntry{Position: steps[i].Position, Kind: string(steps[i].Kind), Step: &steps[i]}
		}
	}
	for _, m := range c.Records {
		for said, err := range golden.Versions(ctx, v, m.ID) {
			if err != nil {
				return nil, err
			}
			byPosition[said.Position] = HistoryEntry{Position: said.Position, Kind: "stated", Statement: statementIn(m.RecordKey, said)}
		}
	}
	all := slices.Collect(maps.Values(byPosition))
	slices.SortFunc(all, func(a, b HistoryEntry) int { return cmp.Compare(b.Position, a.Position) })
	return all, nil
}

func statementIn(record events.RecordKey, said golden.Version) *HistoryStatement {
	return &HistoryStatement{
		Record: record, Type: said.Type, Source: said.Source, ID: said.ID, Time: said.Time, Attributes: attributesIn(said.Data),
	}
}

// attributesIn names what a statement says something about, sorted.
func attributesIn(data json.RawMessage) []string {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return []string{} // it was valid when it was taken; nothing to list is no reason to fail
	}
	for _, not := range []string{"record", "kind", "mode", "ext", "created_at", "modified_at"} {
		delete(members, not)
	}
	return append([]string{}, slices.Sorted(maps.Keys(members))...)
}

// finishHistory adds what only the shown entries need: when they were recorded,
// and words.
func (s *server) finishHistory(ctx context.Context, page []HistoryEntry, lang string) error {
	for i := range page {
		e := &page[i]
		if e.Step != nil {
			e.At = e.Step.At
			s.story.Tell(e.Step, lang, s.levels(lang))
			continue
		}
		stored, err := s.cfg.Log.Get(ctx, e.Position)
		if err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		e.At = stored.RecordedTime
	}
	return nil
}

func (s *server) getRecords(ctx context.Context, in *customerInput) (*recordsOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	c, err := customerAt(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	out := RecordsAnswer{AsOf: v.asOf, Data: []RecordDetail{}, Masked: !seesAll(callOf(ctx).principal)}
	for _, r := range recordsIn(c) {
		detail, err := detailOf(ctx, v, r, out.Masked)
		if err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		out.Data = append(out.Data, detail)
	}
	return &recordsOutput{Body: out}, nil
}

// detailOf merges the statements about a record. One that only ever lost a merge
// at its source said nothing itself.
func detailOf(ctx context.Context, v *view, r CustomerRecord, hide bool) (RecordDetail, error) {
	out := RecordDetail{CustomerRecord: r}
	var state record.State
	for said, err := range golden.Versions(ctx, v, r.RecordUUID) {
		if err != nil {
			return out, err
		}
		out.Statements++
		if _, err := record.Apply(&state, events.Envelope{Type: said.Type, Source: said.Source, ID: said.ID, Time: said.Time, Data: said.Data}); err != nil {
			return out, err
		}
	}
	if newest := state.Newest(); !newest.IsZero() {
		said := state.Customer()
		if hide {
			hideIn(&said)
		}
		out.StatedAt, out.Data = &newest.Time, &said
	}
	return out, nil
}

// hideIn masks what agents see in part.
func hideIn(c *events.CustomerRecorded) {
	c.BirthDate = maskDate(c.BirthDate)
	c.Documents = slices.Clone(c.Documents)
	for i := range c.Documents {
		c.Documents[i] = maskDocument(c.Documents[i])
	}
	c.Ext = nil // nobody knows what a source put there
}
