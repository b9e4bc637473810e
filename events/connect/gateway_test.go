package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/events/gateway"
	"ficha/schemas"
	"ficha/town"
)

// door hands batches to a real gateway as the command line does: as JSON.
type door struct{ g *gateway.Gateway }

func (d door) Submit(ctx context.Context, batch []events.Envelope) (events.SubmitResult, error) {
	body, err := json.Marshal(batch)
	if err != nil {
		return events.SubmitResult{}, err
	}
	return d.g.Submit(ctx, events.Principal{Name: "import", Sources: []string{"*"}}, events.FormatBatch, body)
}

func newDoor(t *testing.T) door {
	t.Helper()
	reg, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC) }
	log := eventstest.NewLog(clock)
	g, err := gateway.New(gateway.Config{Log: log, Health: log, DeadLetters: &eventstest.DeadLetters{}, Schemas: reg, Key: testKey, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return door{g}
}

// What an import makes, the gateway takes; a second time it knows all of it.
func TestThroughTheGateway(t *testing.T) {
	made, err := town.Generate(town.Config{People: 120})
	if err != nil {
		t.Fatal(err)
	}
	var story bytes.Buffer
	if err := made.WriteNDJSON(&story); err != nil {
		t.Fatal(err)
	}
	sink := newDoor(t)
	for name, text := range map[string]string{
		"csv": spanish, "events": story.String(), "flags": "id,name,phone,do_not_call\n1,Ana,+50255123456,x\n2,Eva,5512 3457,1\n",
		"senzing": `{"DATA_SOURCE":"A","RECORD_ID":"1","NAME_FULL":"Jane Roe"}` + "\n",
	} {
		checkpoints := NewFileCheckpoints(t.TempDir())
		for i := range 2 {
			cfg := config(sink)
			cfg.Checkpoints = checkpoints
			cfg.Run = name + string(rune('1'+i))
			cfg.Clock = func() time.Time { return time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC) }
			cfg.Time = testTime.Add(time.Duration(i) * time.Hour)
			if name == "senzing" {
				cfg.Mapping.Preset = PresetSenzing
			}
			s := importText(t, cfg, text)
			if s.Rejected > 0 || i == 0 && s.Appended != s.Rows || i == 1 && (s.Appended > 0 || s.Statements > 0) {
				t.Errorf("%s, time %d: %+v, %v", name, i+1, s.Counts, s.Remarks)
			}
		}
	}
}
