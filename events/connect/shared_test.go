package connect

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ficha/events"
	"ficha/internal/testneeds"
	"ficha/town"
)

// The labelled sets come in with their columns known by name, or with one or
// two assignments; truth never becomes a value.
func TestSharedSets(t *testing.T) {
	shared := filepath.Join(testneeds.Shared(t), "data")
	for _, c := range []struct {
		file     string
		mapping  Mapping
		rows     int64
		rejected int64
		ignored  []string
		check    func(events.CustomerRecorded) bool // true for most records
	}{
		{"febrl3/records.csv", Mapping{Region: "AU"}, 5000, 0, []string{"cluster"}, func(c events.CustomerRecorded) bool {
			return c.BirthDate != "" && head(c.Documents).Kind == "ssn" && head(c.Names).Family != "" && head(c.Addresses).PostalCode != ""
		}},
		{"hispanic_customers_dev/records.csv", Mapping{}, 27993, 0, []string{"cluster", "source"}, func(c events.CustomerRecorded) bool {
			return (head(c.Names).Full != "" || head(c.Names).Family != "") && (len(c.Phones) > 0 || len(c.Emails) > 0)
		}},
		{"splink_fake_1000/records.csv", Mapping{}, 1000, 0, []string{"cluster"}, func(c events.CustomerRecorded) bool { return c.BirthDate != "" && len(c.Names) == 1 }},
		{"dqbench_er_tier2/records.csv", Mapping{Region: "US"}, 5000, 0, []string{"cluster"}, func(c events.CustomerRecorded) bool {
			return c.Kind == events.Person && c.Organization != "" && head(c.Addresses).PostalCode != ""
		}},
		{"restaurants_fz/records.csv", Mapping{Kind: events.Organization}, 863, 0, []string{"cluster", "type"}, func(c events.CustomerRecorded) bool {
			return c.Kind == events.Organization && head(c.Names).Full != "" && len(c.Phones) == 1
		}},
		{"senzing_truthset/records.jsonl", Mapping{Preset: PresetSenzing}, 159, 0, nil, func(c events.CustomerRecorded) bool {
			return len(c.Names) > 0 && (len(c.Addresses) > 0 || len(c.Documents) > 0 || len(c.Phones) > 0 || len(c.Emails) > 0 || c.BirthDate != "")
		}},
		{"cdc_recordlinker_cases/nbs_seed.csv", Mapping{Columns: map[string]string{"ID": "id", "FIRST": "names.given", "LAST": "names.family"}}, -1, 0, []string{"COUNTY", "ETHNICITY", "Match Id", "RACE"}, func(c events.CustomerRecorded) bool {
			return head(c.Names).Family != "" && c.BirthDate != "" && len(c.Documents) == 1
		}},
	} {
		t.Run(filepath.Dir(c.file), func(t *testing.T) {
			f, err := os.Open(filepath.Join(shared, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			h := newHub(t)
			cfg := config(h)
			cfg.Mapping = c.mapping
			s, err := Import(t.Context(), cfg, f)
			if err != nil {
				t.Fatal(err)
			}
			if s.Rejected != c.rejected || c.rows >= 0 && s.Rows != c.rows || s.Appended+s.Unchanged != s.Rows-s.Rejected {
				t.Errorf("%+v", s)
			}
			if c.ignored != nil && !slices.Equal(s.Ignored, c.ignored) {
				t.Errorf("ignored %v, want %v", s.Ignored, c.ignored)
			}
			good, all := 0, h.records(t)
			for _, r := range all {
				if c.check(r) {
					good++
				}
			}
			t.Logf("%d rows, %d as wanted, day first %s, remarks %v, mapped %v", s.Rows, good, s.DayFirst, s.Remarks, s.Mapped)
			if good*10 < len(all)*8 {
				t.Errorf("only %d of %d records are as wanted", good, len(all))
			}
		})
	}
}

// Exports of known systems, as their tools write them, need no mapping to be read.
func TestSharedSamples(t *testing.T) {
	shared := filepath.Join(testneeds.Shared(t), "samples")
	for file, mapping := range map[string]Mapping{
		"salesforce/sf_contact_data.csv": {}, "salesforce/sf_lead_data.csv": {}, "shopify/shopify_customer_data.csv": {}, "dynamics365/cdm_contact_partition-data.csv": {},
		"mailchimp/member.csv": {}, "sap/sap_kna1_data.csv": {Kind: events.Organization, Columns: map[string]string{"name1": "names.full"}}, "shopify/customer.json": {}, "woocommerce/customer.json": {},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := os.Open(filepath.Join(shared, file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			h := newHub(t)
			cfg := config(h)
			cfg.Mapping = mapping
			var out bytes.Buffer
			cfg.Rejects = &out
			s, err := Import(t.Context(), cfg, f)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v %v %v", s.Counts, s.Remarks, s.Mapped)
			if len(s.Mapped) < 4 || s.Rejected*2 > s.Rows {
				t.Errorf("%d columns are known, %d of %d rows rejected", len(s.Mapped), s.Rejected, s.Rows)
			}
		})
	}
}

// What a town's systems export comes in whole, each record under its own id and
// with the values that the town's events state.
func TestTownComesInWhole(t *testing.T) {
	made, err := town.Generate(town.Config{People: 400})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*bytes.Buffer{}
	if err := made.WriteCSV(func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return closing{files[name]}, nil
	}); err != nil {
		t.Fatal(err)
	}
	h := newHub(t)
	for _, source := range []string{town.SourceCRM, town.SourceCore, town.SourcePBX, town.SourceChat, town.SourceShop, town.SourceCitizen} {
		cfg := config(h)
		cfg.Source = source
		name := string(bytes.ReplaceAll([]byte(source[1:]), []byte("/"), []byte("-"))) + ".csv"
		s, err := Import(t.Context(), cfg, bytes.NewReader(files[name].Bytes()))
		if err != nil || s.Rejected > 0 || s.Rows == 0 || len(s.Ignored) > 0 {
			t.Fatalf("%s: %+v, %v", source, s, err)
		}
	}
	got := map[events.RecordKey]bool{}
	for _, c := range h.records(t) {
		got[c.Record.RecordKey] = true
	}
	for x := range made.Truth() {
		if !got[x.Record] {
			t.Errorf("%s did not come in", x.Record)
		}
	}
	if len(got) != made.Records() {
		t.Errorf("%d records, want %d", len(got), made.Records())
	}
}

// A town's events come in as they are.
func TestTownEventsComeIn(t *testing.T) {
	made, err := town.Generate(town.Config{People: 150})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := made.WriteNDJSON(&b); err != nil {
		t.Fatal(err)
	}
	s := importText(t, config(newHub(t)), b.String())
	if s.Appended != int64(made.Len()) || s.Rejected > 0 {
		t.Errorf("%+v, want %d", s.Counts, made.Len())
	}
}

// head gives the first of a list, or nothing.
func head[T any](list []T) T {
	if len(list) == 0 {
		var none T
		return none
	}
	return list[0]
}

type closing struct{ io.Writer }

func (closing) Close() error { return nil }

// BenchmarkImportCSV is read, map, hash and encode; the sink does nothing.
func BenchmarkImportCSV(b *testing.B) {
	made, err := town.Generate(town.Config{People: 20000})
	if err != nil {
		b.Fatal(err)
	}
	files := map[string]*bytes.Buffer{}
	if err := made.WriteCSV(func(name string) (io.WriteCloser, error) {
		files[name] = &bytes.Buffer{}
		return closing{files[name]}, nil
	}); err != nil {
		b.Fatal(err)
	}
	text := files["core-bank.csv"].Bytes()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	rows := int64(0)
	for b.Loop() {
		var sink discard
		cfg := config(sink)
		cfg.DryRun = true
		s, err := Import(b.Context(), cfg, bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		rows += s.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
