package connect

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"ficha/events"
)

// checkImport imports whatever it is given: no panic, every row is counted
// once, every event is valid JSON of valid letters, a second time appends nothing.
func checkImport(t *testing.T, data []byte) {
	var sink counting
	cfg := config(&sink)
	cfg.DryRun, cfg.Limits, cfg.Rejects = true, Limits{Row: 4096, Field: 1024, Columns: 50, Batch: 3}, &bytes.Buffer{}
	cfg.Mapping.KeepUnmapped = true
	s, err := Import(t.Context(), cfg, bytes.NewReader(data))
	if err != nil {
		return // the file as a whole cannot be used
	}
	if s.Rows != s.Appended+s.Unchanged+s.Duplicate+s.Rejected {
		t.Fatalf("the counts do not add up: %+v", s.Counts)
	}
	ids := sink.ids
	for _, e := range sink.events {
		if !json.Valid(e.Data) || !utf8.Valid(e.Data) || !utf8.ValidString(e.ID+e.Subject) || e.ID == "" && e.Type == events.CustomerRecordedV1 {
			t.Fatalf("event %+v", e)
		}
	}
	sink = counting{}
	cfg.Rejects = nil
	again, err := Import(t.Context(), cfg, bytes.NewReader(data))
	if err != nil || again.Counts != s.Counts || strings.Join(sink.ids, " ") != strings.Join(ids, " ") {
		t.Fatalf("again: %+v, %v, want %+v", again.Counts, err, s.Counts)
	}
}

// FuzzImportCSV is about the file's bytes.
func FuzzImportCSV(f *testing.F) {
	for _, s := range []string{spanish, "id,name\n1,\"a\nb\"\n2,\"x", "sep=;\nid;name\n1;Ana\n", "\xff\xfei\x00d\x00,\x00", "id,name\r1,Mu\xf1oz\r", "id\tname\n1\tA\x00na\n", "a,b\n\n\n,,,\n", "id,dob,phone\n1,31/12/99,1E+11\n", "name\n\"\"\"\"\"\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(checkImport)
}

// FuzzImportJSON is about lines, arrays and what stands in objects.
func FuzzImportJSON(f *testing.F) {
	for _, s := range []string{`{"id":1,"name":"Ana","phones":["1","2"],"a":{"b":[{"c":null}]}}`, `[{"name":"x"},3,{"name":]`, "{\n\"name\":\"x\"}{", `{"specversion":"1.0","type":"x","data":{"a":1}}`, `{"specversion":1,"type":[],"data":null}`,
		`{"name":"\ud800","id":"a@b","dob":19800403,"do_not_call":"perhaps"}`, "[[[[[", `{"a`, `[{"name":"\"}"},{"name":"["}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 && (data[0] == '{' || data[0] == '[') {
			checkImport(t, data)
		}
	})
}

// FuzzSenzing is about the preset.
func FuzzSenzing(f *testing.F) {
	f.Add([]byte(`{"DATA_SOURCE":"A","RECORD_ID":"1","FEATURES":[{"NAME_FULL":"x"},{"ID_NUMBER":"3"},7],"NAME_LAST":{"a":1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var sink counting
		cfg := config(&sink)
		cfg.DryRun, cfg.Format, cfg.Mapping = true, NDJSON, Mapping{Preset: PresetSenzing, KeepUnmapped: true}
		if s, err := Import(t.Context(), cfg, bytes.NewReader(data)); err == nil && s.Rows != s.Appended+s.Rejected {
			t.Fatalf("the counts do not add up: %+v", s.Counts)
		}
	})
}

// FuzzDate: what is read is a date, and is read as itself.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"1980-04-03", "3/4/80", "3 de abril de 1980", "19800403", "1980", "1980-04", "0000-00-00", "29 feb 1900"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, first bool) {
		o := monthFirst
		if first {
			o = dayFirst
		}
		date, why := parseDate(s, o, testTime)
		if date == "" && why == "" || why != "" && len(date) > 4 {
			t.Fatalf("%q: %q and %q", s, date, why)
		}
		if again, _ := parseDate(date, o, testTime); again != date {
			t.Fatalf("%q: read as %q, then as %q", s, date, again)
		}
	})
}
