package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ficha/events"
	"ficha/internal/testneeds"
	"ficha/matching"
)

// sharedSet is a labelled set as a user would import it.
type sharedSet struct {
	name  string
	file  string
	flags []string
	floor float64 // F1 that must be reached; see the set's goal in its README
	key   func(id string) events.RecordKey
}

func sharedSets() []sharedSet {
	plain := func(source string) func(string) events.RecordKey {
		return func(id string) events.RecordKey { return events.RecordKey{Source: source, ID: id} }
	}
	return []sharedSet{
		{name: "senzing_truthset", file: "records.jsonl", flags: []string{"--mapping", "senzing", "--region", "US", "--month-first"}, floor: 0.82,
			key: func(id string) events.RecordKey {
				system, native, _ := strings.Cut(id, ":")
				return events.RecordKey{Source: "/set/" + strings.ToLower(system), ID: native}
			}},
		{name: "febrl3", file: "records.csv", floor: 0.95, key: plain("/set"), flags: []string{
			"--map", "id=id", "--map", "cluster=ignore", "--map", "soc_sec_id=ignore", "--region", "AU"}},
		{name: "hispanic_customers_dev", file: "records.csv", floor: 0.97, key: plain("/set"), flags: []string{
			"--map", "id=id", "--map", "cluster=ignore", "--map", "source=ignore", "--map", "ts=modified_at"}},
	}
}

// TestSharedSetsThroughTheHub imports each labelled set into a running hub by the
// command line and asks the hub, over HTTP, for the customer of every record.
func TestSharedSetsThroughTheHub(t *testing.T) {
	dir := testneeds.Shared(t)
	if testing.Short() {
		t.Skip("SKIPPED: short run; to run it: make story")
	}
	for _, set := range sharedSets() {
		t.Run(set.name, func(t *testing.T) {
			h := serveProcess(t, t.TempDir())
			file := filepath.Join(dir, "data", set.name, set.file)
			importSet(t, h, file, set.flags)
			s := h.settled(t)
			f := matching.Evaluate(askForAll(t, h, file, set.key))
			t.Logf("%s: %d records, %d golden records, F1 %.4f (precision %.4f, recall %.4f), B-cubed F1 %.4f, largest group %d",
				set.name, s.Counts.SourceRecords, s.Counts.GoldenRecords, f.F1, f.Precision, f.Recall, f.BF1, f.Largest)
			if f.F1 < set.floor {
				t.Errorf("F1 = %.4f, below the floor of %.2f", f.F1, set.floor)
			}
			end := s.Position
			importSet(t, h, file, set.flags)
			if after := h.settled(t); after.Counts.SourceRecords != s.Counts.SourceRecords || after.Position != end {
				t.Errorf("the same file again took the log from %d to %d", end, after.Position)
			}
			findEverybody(t, h, file, set)
		})
	}
}

func importSet(t *testing.T, h *hubProcess, file string, flags []string) {
	t.Helper()
	args := append([]string{"import", file, "--source", "/set", "--url", h.BaseURL,
		"--rejects", filepath.Join(t.TempDir(), "rejects.csv"), "--state", t.TempDir()}, flags...)
	code, _, said := runMain(t, args...)
	t.Logf("import: %s", strings.TrimSpace(said))
	if code != exitOK && code != exitPartial {
		t.Fatalf("import: exit %d", code)
	}
}

// askForAll gives truth and answers, record by record.
func askForAll(t *testing.T, h *hubProcess, file string, key func(string) events.RecordKey) (truth, found map[string]string) {
	t.Helper()
	truth, found = readTruth(t, file), map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	ids := make(chan string)
	for range 4 {
		wg.Go(func() {
			for id := range ids {
				customer, err := customerOf(context.Background(), h.Client, key(id))
				mu.Lock()
				if err != nil || customer == "" {
					t.Errorf("record %s: customer %q, %v", id, customer, err)
				}
				found[id] = customer
				mu.Unlock()
			}
		})
	}
	for id := range truth {
		ids <- id
	}
	close(ids)
	wg.Wait()
	return truth, found
}

// readTruth reads id → cluster, from CSV or JSON lines.
func readTruth(t *testing.T, file string) map[string]string {
	t.Helper()
	truth := map[string]string{}
	for _, row := range readRows(t, file) {
		truth[row["id"]] = row["cluster"]
	}
	return truth
}

// readRows reads a set's flat fields.
func readRows(t *testing.T, file string) []map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	if strings.HasSuffix(file, ".jsonl") {
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			row := map[string]any{}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			out = append(out, map[string]string{"id": fmt.Sprint(row["id"]), "cluster": fmt.Sprint(row["cluster"])})
		}
		return out
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		row := map[string]string{}
		for i, column := range rows[0] {
			row[column] = r[i]
		}
		out = append(out, row)
	}
	return out
}

// findEverybody looks customers up as people do: by telephone, e-mail, document,
// name without accents, surnames swapped, old id. Every look-up must give the
// customer that the record itself gives, among at most a few.
func findEverybody(t *testing.T, h *hubProcess, file string, set sharedSet) {
	t.Helper()
	if set.name != "hispanic_customers_dev" {
		return
	}
	looked := map[string]int{}
	for _, row := range readRows(t, file) {
		if looked["name"] >= 200 {
			break
		}
		if row["given_name"] == "" || row["surname1"] == "" || row["surname2"] == "" || row["email"] == "" || row["phone"] == "" || row["national_id"] == "" {
			continue
		}
		want, err := customerOf(t.Context(), h.Client, set.key(row["id"]))
		if err != nil {
			t.Fatal(err)
		}
		name := row["given_name"] + " " + row["surname1"] + " " + row["surname2"]
		for how, got := range map[string][]string{
			"phone":    lookUp(t, h, map[string]any{"phone": row["phone"]}),
			"email":    lookUp(t, h, map[string]any{"email": row["email"]}),
			"document": lookUp(t, h, map[string]any{"document": map[string]string{"number": row["national_id"]}}),
			"name":     searchFor(t, h, plainLetters(name)),
			"swapped":  searchFor(t, h, row["surname2"]+" "+row["surname1"]+" "+row["given_name"]),
			"old id":   {redirected(t, h, set.key(row["id"]).UUID().String())},
		} {
			looked[how]++
			if contains(got, want) {
				looked[how+" found"]++
			}
		}
	}
	for _, how := range []string{"phone", "email", "document", "name", "swapped", "old id"} {
		t.Logf("found by %s: %d of %d", how, looked[how+" found"], looked[how])
		if looked[how] == 0 || looked[how+" found"] < looked[how]*95/100 {
			t.Errorf("found by %s: %d of %d, want nearly all", how, looked[how+" found"], looked[how])
		}
	}
}

func contains(ids []string, want string) bool {
	for _, id := range ids {
		if id == want {
			return true
		}
	}
	return false
}

func lookUp(t *testing.T, h *hubProcess, q any) []string {
	t.Helper()
	var res struct {
		Customers []struct {
			ID string `json:"id"`
		} `json:"customers"`
	}
	if err := h.Do(t.Context(), http.MethodPost, "/v1/customers:lookup", q, &res); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range res.Customers {
		out = append(out, c.ID)
	}
	return out
}

func searchFor(t *testing.T, h *hubProcess, q string) []string {
	t.Helper()
	var res struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := h.Do(t.Context(), http.MethodPost, "/v1/customers:search", map[string]any{"q": q, "limit": 20}, &res); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range res.Data {
		out = append(out, c.ID)
	}
	return out
}

// redirected asks for any id ever given out and gives the current one.
func redirected(t *testing.T, h *hubProcess, id string) string {
	t.Helper()
	var c struct {
		ID string `json:"id"`
	}
	if err := h.Do(t.Context(), http.MethodGet, "/v1/customers/"+id, nil, &c); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// plainLetters writes a name as somebody does who has no accents on the keyboard.
func plainLetters(s string) string {
	return strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ñ", "n", "ü", "u",
		"Á", "A", "É", "E", "Í", "I", "Ó", "O", "Ú", "U", "Ñ", "N").Replace(s)
}
