package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"ficha/events"
)

// A run that is killed goes on where it stopped: every row once, the same ids as
// in a run without interruption, at whatever batch it stopped.
func TestResume(t *testing.T) {
	var b strings.Builder
	b.WriteString("nombre,telefono\n") // no id: ids hang on the row's number
	for i := range 95 {
		fmt.Fprintf(&b, "Persona Ñ %d,+5025512%04d\n", i, i)
		if i == 40 {
			b.WriteString("broken\n")
		}
	}
	text := b.String()
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"utf-8": text, "windows-1252": latin, "mark": "\ufeff" + text} {
		t.Run(name, func(t *testing.T) {
			whole := newHub(t)
			cfg := config(whole)
			cfg.Limits.Batch = 10
			importText(t, cfg, text)
			for fail := 1; fail <= 11; fail++ {
				h := newHub(t)
				h.failAt, h.failure = fail, errDown
				cfg := config(h)
				cfg.Limits.Batch, cfg.Checkpoints = 10, NewFileCheckpoints(t.TempDir())
				if _, err := Import(t.Context(), cfg, strings.NewReader(text)); !errors.Is(err, errDown) {
					t.Fatalf("call %d: %v", fail, err)
				}
				cfg.Run = "another"
				s := importText(t, cfg, text)
				if s.Rows != 96 || s.Appended != 95 || s.Rejected != 1 || s.Resumed != (fail > 1) || fail > 1 && s.Run != "run-1" {
					t.Fatalf("failed at call %d, then %+v", fail, s)
				}
				want, got := whole.of(events.CustomerRecordedV1), h.of(events.CustomerRecordedV1)
				for i := range want {
					if want[i].ID != got[i].ID || !bytes.Equal(want[i].Data, got[i].Data) {
						t.Fatalf("failed at call %d: row %d is another event", fail, i)
					}
				}
				if c, err := cfg.Checkpoints.Load(t.Context(), checkpointName(cfg, s)); err != nil || !c.Done || c.Run != s.Run {
					t.Errorf("checkpoint at the end: %+v, %v", c, err)
				}
			}
		})
	}
}

func checkpointName(cfg Config, s Summary) string {
	return newHasher(cfg.Key).id("checkpoint", cfg.Source, events.DefaultStream, cfg.Edition, s.FileHash, cfg.Mapping.Revision())
}

// A caller who stops gets the context's error, a checkpoint, and no event that
// says the import failed.
func TestCancel(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	cfg.Limits.Batch, cfg.Checkpoints = 1, NewFileCheckpoints(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(p Progress) {
		if p.Rows == 3 {
			cancel()
		}
	}
	text := "id,name\n" + strings.Repeat("1,Ana\n", 20)
	s, err := Import(ctx, cfg, strings.NewReader(text))
	if !errors.Is(err, context.Canceled) || s.Rows < 3 || s.Rows > 4 {
		t.Fatalf("%v, %+v", err, s.Counts)
	}
	if len(h.of(events.ImportFailedV1)) > 0 {
		t.Error("a stopped import says that it failed")
	}
	cfg.Progress = nil
	if s := importText(t, cfg, text); !s.Resumed || s.Rows != 20 {
		t.Errorf("%+v", s)
	}
}

func TestFailureIsReported(t *testing.T) {
	h := newHub(t)
	h.failAt, h.failure = 3, errDown
	cfg := config(h)
	cfg.Limits.Batch = 1
	s, err := Import(t.Context(), cfg, strings.NewReader("id,name\n1,Ana\n2,Eva\n3,Leo\n"))
	if !errors.Is(err, errDown) || s.Appended != 1 {
		t.Fatalf("%v, %+v", err, s)
	}
	var failed events.ImportRun
	if err := json.Unmarshal(first(t, h.of(events.ImportFailedV1)).Data, &failed); err != nil || failed.Appended != 1 || failed.Error == "" {
		t.Errorf("%+v, %v", failed, err)
	}
}

// A sink that answers fewer events than it was given is not believed.
func TestShortAnswer(t *testing.T) {
	cfg := config(short{})
	cfg.DryRun = true
	if _, err := Import(t.Context(), cfg, strings.NewReader("id,name\n1,Ana\n2,Eva\n")); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

type short struct{}

func (short) Submit(context.Context, []events.Envelope) (events.SubmitResult, error) {
	return events.SubmitResult{Results: make([]events.EventResult, 1)}, nil
}
