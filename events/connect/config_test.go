package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ficha/events"
)

func TestDryRun(t *testing.T) {
	var out bytes.Buffer
	cfg := config(Print(&out))
	cfg.DryRun, cfg.Run = true, ""
	s := importText(t, cfg, spanish)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || s.Appended != 2 {
		t.Fatalf("%d lines, %+v", len(lines), s)
	}
	var e events.Envelope
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil || e.Type != events.CustomerRecordedV1 {
		t.Errorf("%v: %s", err, lines[0])
	}
}

// A pipe cannot be read twice: it comes in without hash and checkpoint, and the
// same pipe again appends nothing.
func TestPipe(t *testing.T) {
	h := newHub(t)
	cfg := config(h)
	cfg.Checkpoints = NewFileCheckpoints(t.TempDir())
	for i, want := range []Counts{{Rows: 2, Appended: 2}, {Rows: 2, Unchanged: 2}} {
		cfg.Run = fmt.Sprint("run-", i)
		s, err := Import(t.Context(), cfg, onlyReader{strings.NewReader(spanish)})
		if err != nil || s.Counts != want || s.FileHash != "" {
			t.Errorf("time %d: %+v, %v", i, s, err)
		}
	}
}

func TestValidateConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"source": func(c *Config) { c.Source = "" }, "hub's source": func(c *Config) { c.Source = "/ficha/x" }, "sink": func(c *Config) { c.Sink = nil },
		"key": func(c *Config) { c.Key = []byte("short") }, "run": func(c *Config) { c.Run = "" }, "time": func(c *Config) { c.Time = time.Time{} },
		"clock": func(c *Config) { c.Clock = nil }, "format": func(c *Config) { c.Format = "xml" }, "kind": func(c *Config) { c.Mapping.Kind = "robot" },
		"mode": func(c *Config) { c.Mapping.Mode = "half" }, "region": func(c *Config) { c.Mapping.Region = "Guatemala" }, "zone": func(c *Config) { c.Mapping.TimeZone = "Mars/Olympus" },
		"target": func(c *Config) { c.Mapping.Columns = map[string]string{"x": "shoe_size"} }, "preset": func(c *Config) { c.Mapping.Preset = "what" },
	} {
		cfg := config(newHub(t))
		change(&cfg)
		if _, err := Import(t.Context(), cfg, strings.NewReader(spanish)); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadMapping(strings.NewReader("colums: {}\n")); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("unknown field of a mapping: %v", err)
	}
}
