package matching

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/internal/testneeds"
)

// labelled is a record of a labelled set.
type labelled struct {
	Record
	key, cluster string
}

// sharedSet says how the columns of a labelled set become records, and what must
// at least come out of the default models: a little less than what does, so that a
// change for the worse is seen.
type sharedSet struct {
	name, file            string
	kind                  Kind
	read                  func(row map[string]string) Record
	precision, recall, f1 float64
	candidateRecall       float64
}

func TestSharedSets(t *testing.T) {
	dir := filepath.Join(testneeds.Shared(t), "data")
	for _, s := range sharedSets {
		t.Run(s.name, func(t *testing.T) {
			var rows []labelled
			if strings.HasSuffix(s.file, ".jsonl") {
				rows = readSenzing(t, filepath.Join(dir, s.file))
			} else {
				rows = readSet(t, filepath.Join(dir, s.file), s)
			}
			r := runSet(t, rows)
			f := r.figures
			t.Logf("records %d  P %.4f R %.4f F1 %.4f  B3 %.4f/%.4f/%.4f  clusters %d of %d  largest %d  candidate recall %.4f  candidates/record %.1f  %.2fs",
				f.Records, f.Precision, f.Recall, f.F1, f.BPrecision, f.BRecall, f.BF1, f.Clusters, f.TrueClusters, f.Largest, r.candidateRecall, r.candidates, r.seconds)
			if f.Precision < s.precision || f.Recall < s.recall || f.F1 < s.f1 || r.candidateRecall < s.candidateRecall {
				t.Errorf("below the floor: want P %.3f R %.3f F1 %.3f candidate recall %.3f", s.precision, s.recall, s.f1, s.candidateRecall)
			}
		})
	}
}

type setResult struct {
	figures         Figures
	candidateRecall float64
	candidates      float64
	seconds         float64
	x               *Index
	edges           map[[2]uuid.UUID]Edge
	predicted       map[string]string
}

func recordID(key string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)) }

func newEngine(t testing.TB) *Engine {
	t.Helper()
	m, err := DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	return NewEngine(m)
}

func runSet(t testing.TB, rows []labelled) setResult {
	start := time.Now()
	e := newEngine(t)
	x := NewIndex(e)
	keyOf := map[uuid.UUID]string{}
	for _, r := range rows {
		r.ID = recordID(r.key)
		keyOf[r.ID] = r.key
		x.Put(e.Prepare(r.Record))
	}
	r := setResult{x: x, edges: map[[2]uuid.UUID]Edge{}, predicted: map[string]string{}}
	byKind := map[Kind]*Component{Person: {}, Organization: {}}
	edges := allEdges(x, rows)
	for i, row := range rows {
		k := row.Kind
		if k == "" {
			k = Person
		}
		c := byKind[k]
		c.Records = append(c.Records, recordID(row.key))
		c.Edges = append(c.Edges, edges[i]...)
		for _, e := range edges[i] {
			r.edges[[2]uuid.UUID{e.A, e.B}] = e
		}
	}
	truth := map[string]string{}
	for _, row := range rows {
		truth[row.key] = row.cluster
	}
	for _, c := range byKind {
		for _, g := range x.Cluster(*c).Groups {
			for _, id := range g {
				r.predicted[keyOf[id]] = g[0].String()
			}
		}
	}
	r.seconds = time.Since(start).Seconds()
	r.figures = Evaluate(truth, r.predicted)
	r.candidateRecall, r.candidates = candidateRecall(x, rows)
	return r
}

func allEdges(x *Index, rows []labelled) [][]Edge {
	out := make([][]Edge, len(rows))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(rows); i += workers {
				out[i] = x.EdgesAfter(recordID(rows[i].key))
			}
		})
	}
	wg.Wait()
	return out
}

// candidateRecall is the share of true pairs that share a usable key, and the mean
// number of candidates of a record.
func candidateRecall(x *Index, rows []labelled) (recall, perRecord float64) {
	members := map[string][]uuid.UUID{}
	for _, r := range rows {
		members[r.cluster] = append(members[r.cluster], recordID(r.key))
	}
	found, pairs, candidates := 0, 0, 0
	for _, r := range rows {
		id := recordID(r.key)
		p, _ := x.Get(id)
		s := x.scratch()
		x.collect(p, s)
		candidates += len(s.candidates)
		for _, o := range members[r.cluster] {
			if o != id {
				pairs++
				if s.stamp[x.byID[o]] == s.round {
					found++
				}
			}
		}
		x.pool.Put(s)
	}
	return ratio(found, pairs), float64(candidates) / float64(max(len(rows), 1))
}

func readSet(t testing.TB, file string, s sharedSet) []labelled {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := all[0]
	var out []labelled
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, h := range head {
			row[h] = cells[i]
		}
		r := s.read(row)
		r.Kind = s.kind
		out = append(out, labelled{r, row["id"], row["cluster"]})
	}
	return out
}

var sharedSets = []sharedSet{
	{name: "hispanic", precision: 0.995, recall: 0.96, f1: 0.978, candidateRecall: 0.985, file: "hispanic_customers_dev/records.csv", kind: Person, read: readHispanic},
	{name: "febrl3", precision: 0.999, recall: 0.895, f1: 0.945, candidateRecall: 0.97, file: "febrl3/records.csv", kind: Person, read: readFebrl(false)},
	{name: "febrl3_with_number", precision: 0.999, recall: 0.96, f1: 0.98, candidateRecall: 0.99, file: "febrl3/records.csv", kind: Person, read: readFebrl(true)},
	{name: "febrl4", precision: 0.995, recall: 0.92, f1: 0.957, candidateRecall: 0.99, file: "febrl4/records.csv", kind: Person, read: readFebrl(false)},
	{name: "febrl4_with_number", precision: 0.999, recall: 0.98, f1: 0.99, candidateRecall: 0.99, file: "febrl4/records.csv", kind: Person, read: readFebrl(true)},
	{name: "senzing", precision: 0.84, recall: 0.8, f1: 0.83, candidateRecall: 0.92, file: "senzing_truthset/records.jsonl"},
	{name: "splink_fake_1000", precision: 0.99, recall: 0.58, f1: 0.73, candidateRecall: 0.65, file: "splink_fake_1000/records.csv", kind: Person, read: readFake},
	{name: "splink_historical", precision: 0.985, recall: 0.62, f1: 0.76, candidateRecall: 0.71, file: "splink_historical_50k/records.csv", kind: Person, read: readHistorical},
	{name: "dqbench", precision: 0.88, recall: 0.99, f1: 0.93, candidateRecall: 0.99, file: "dqbench_er_tier2/records.csv", kind: Person, read: readDQBench},
	{name: "restaurants", precision: 0.97, recall: 0.94, f1: 0.96, candidateRecall: 0.99, file: "restaurants_fz/records.csv", kind: Organization, read: readRestaurant},
}

func readHispanic(r map[string]string) Record {
	return Record{
		Names:     []Name{{Given: r["given_name"], Family: r["surname1"], Family2: r["surname2"], Full: r["full_name"]}},
		BirthDate: r["birth_date"], Gender: r["gender"],
		Documents: []Document{{Kind: "national_id", Number: r["national_id"], Country: r["country"]}},
		Phones:    []Phone{{r["phone"], r["country"]}}, Emails: []string{r["email"]},
		Addresses: []Address{{Street: r["street"], Locality: r["city"], Region: r["state"], PostalCode: r["postcode"], Country: r["country"]}},
	}
}

func readFebrl(number bool) func(map[string]string) Record {
	return func(r map[string]string) Record {
		out := Record{
			Names:     []Name{{Given: r["given_name"], Family: r["surname"]}},
			BirthDate: r["date_of_birth"],
			Addresses: []Address{{Street: r["address_1"], Number: r["street_number"], Locality: r["suburb"], Region: r["state"], PostalCode: r["postcode"], Country: "AU", Lines: []string{r["address_2"]}}},
		}
		if number {
			out.Documents = []Document{{Kind: "national_id", Number: r["soc_sec_id"], Country: "AU"}}
		}
		return out
	}
}

func readFake(r map[string]string) Record {
	return Record{Names: []Name{{Given: r["first_name"], Family: r["surname"]}}, BirthDate: r["dob"], Emails: []string{r["email"]}, Addresses: []Address{{Locality: r["city"]}}}
}

func readHistorical(r map[string]string) Record {
	return Record{Names: []Name{{Given: r["first_name"], Family: r["surname"], Full: r["full_name"]}}, BirthDate: r["dob"], Gender: r["gender"],
		Addresses: []Address{{Locality: r["birth_place"], PostalCode: r["postcode_fake"]}}, Organization: r["occupation"]}
}

func readDQBench(r map[string]string) Record {
	return Record{Names: []Name{{Given: r["first_name"], Family: r["last_name"]}}, Emails: []string{r["email"]}, Phones: []Phone{{r["phone"], "US"}},
		Addresses: []Address{{Street: r["address"], Locality: r["city"], Region: r["state"], PostalCode: r["zip"], Country: "US"}}, Organization: r["company"]}
}

func readRestaurant(r map[string]string) Record {
	return Record{Names: []Name{{Full: r["name"]}}, Phones: []Phone{{r["phone"], "US"}}, Addresses: []Address{{Street: r["addr"], Locality: r["city"], Country: "US"}}}
}

// readSenzing reads records whose features are lists of attribute groups.
func readSenzing(t testing.TB, file string) []labelled {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	for line := range strings.Lines(string(raw)) {
		var o struct {
			ID, Cluster string
			Features    []map[string]string
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		r := Record{Kind: Person}
		for _, f := range o.Features {
			senzingFeature(&r, f)
		}
		out = append(out, labelled{r, o.ID, o.Cluster})
	}
	return out
}

func senzingFeature(r *Record, f map[string]string) {
	has := func(k string) bool { return f[k] != "" }
	switch {
	case f["RECORD_TYPE"] == "ORGANIZATION":
		r.Kind = Organization
	case has("NAME_ORG"):
		r.Names = append(r.Names, Name{Full: f["NAME_ORG"]})
	case has("NAME_FULL"), has("NAME_LAST"), has("NAME_FIRST"):
		r.Names = append(r.Names, Name{Full: f["NAME_FULL"], Given: f["NAME_FIRST"], Middle: f["NAME_MIDDLE"], Family: f["NAME_LAST"]})
	case has("DATE_OF_BIRTH"):
		r.BirthDate = f["DATE_OF_BIRTH"]
	case has("GENDER"):
		r.Gender = f["GENDER"]
	case has("EMAIL_ADDRESS"):
		r.Emails = append(r.Emails, f["EMAIL_ADDRESS"])
	case has("PHONE_NUMBER"):
		r.Phones = append(r.Phones, Phone{f["PHONE_NUMBER"], "US"})
	case has("PASSPORT_NUMBER"):
		r.Documents = append(r.Documents, Document{"passport", f["PASSPORT_NUMBER"], f["PASSPORT_COUNTRY"]})
	case has("DRIVERS_LICENSE_NUMBER"):
		r.Documents = append(r.Documents, Document{"drivers license", f["DRIVERS_LICENSE_NUMBER"], "US"})
	case has("SSN_NUMBER"):
		r.Documents = append(r.Documents, Document{"ssn", f["SSN_NUMBER"], "US"})
	case has("NATIONAL_ID_NUMBER"):
		r.Documents = append(r.Documents, Document{"", f["NATIONAL_ID_NUMBER"], f["NATIONAL_ID_COUNTRY"]})
	case has("TAX_ID_NUMBER"):
		r.Documents = append(r.Documents, Document{"tax_id", f["TAX_ID_NUMBER"], f["TAX_ID_COUNTRY"]})
	case has("LEI_NUMBER"):
		r.Documents = append(r.Documents, Document{"lei", f["LEI_NUMBER"], ""})
	case has("ADDR_FULL"), has("ADDR_LINE1"), has("ADDR_CITY"), has("ADDR_POSTAL_CODE"):
		r.Addresses = append(r.Addresses, Address{Lines: []string{f["ADDR_FULL"] + f["ADDR_LINE1"]}, Locality: f["ADDR_CITY"], Region: f["ADDR_STATE"], PostalCode: f["ADDR_POSTAL_CODE"], Country: f["ADDR_COUNTRY"]})
	case has("EMPLOYER"):
		r.Organization = f["EMPLOYER"]
	}
}
