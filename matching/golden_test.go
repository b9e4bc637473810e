package matching

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenPairs are pairs that show what the engine makes of names, dates, numbers,
// places and households. Nobody in them exists.
var goldenPairs = []struct {
	name string
	a, b Record
}{
	{"one person, two systems",
		Record{Names: []Name{{Given: "María José", Family: "Quixtán", Family2: "de la Cruz"}}, BirthDate: "1984-03-21", Gender: "F", Phones: []Phone{{"+502 5551 2347", ""}}},
		Record{Names: []Name{{Full: "QUIXTAN DE LA CRUZ, MA. JOSE"}}, BirthDate: "21/03/1984", Phones: []Phone{{"5551-2347", "GT"}}}},
	{"short form and typo",
		Record{Names: []Name{{Given: "Francisco", Family: "Ajanel", Family2: "Tzoc"}}, Emails: []string{"fajanel71@example.com"}},
		Record{Names: []Name{{Given: "Paco", Family: "Ajenel"}}, Emails: []string{"fajanel71@example.com"}}},
	{"father and son",
		Record{Names: []Name{{Given: "Pedro", Family: "Caal", Family2: "Xol"}}, BirthDate: "1955-10-02", Addresses: []Address{{Street: "4 calle 5-13", Locality: "Cobán"}}, Phones: []Phone{{"77771234", "GT"}}},
		Record{Names: []Name{{Given: "Pedro", Family: "Caal", Family2: "Ba"}}, BirthDate: "1983-01-17", Addresses: []Address{{Street: "4 calle 5-13", Locality: "Coban"}}, Phones: []Phone{{"77771234", "GT"}}}},
	{"twins",
		Record{Names: []Name{{Given: "Lucía", Family: "Batz", Family2: "Sis"}}, BirthDate: "2001-08-30", Addresses: []Address{{Street: "Avenida Central 9", Locality: "Antigua", PostalCode: "03001"}}},
		Record{Names: []Name{{Given: "Elena", Family: "Batz", Family2: "Sis"}}, BirthDate: "2001-08-30", Addresses: []Address{{Street: "Av. Central 9", Locality: "Antigua", PostalCode: "03001"}}}},
	{"two documents",
		Record{Names: []Name{{Given: "Ana", Family: "López"}}, Documents: []Document{{"dni", "12345678Z", "ES"}}},
		Record{Names: []Name{{Given: "Ana", Family: "López"}}, Documents: []Document{{"dni", "87654321X", "ES"}}}},
	{"one document, one digit wrong",
		Record{Names: []Name{{Given: "Ana", Family: "López"}}, Documents: []Document{{"dni", "12345678Z", "ES"}}, BirthDate: "1990"},
		Record{Names: []Name{{Given: "Ana", Family: "López"}}, Documents: []Document{{"dni", "12345687Z", "ES"}}, BirthDate: "1990-05-06"}},
	{"senior and junior",
		Record{Names: []Name{{Given: "John", Family: "Caldwell", Suffix: "Sr"}}, Addresses: []Address{{Lines: []string{"12 Elm Street, Springfield 62701"}}}},
		Record{Names: []Name{{Given: "John", Family: "Caldwell", Suffix: "Jr"}}, Addresses: []Address{{Lines: []string{"12 Elm St, Springfield 62701"}}}}},
	{"fields swapped",
		Record{Names: []Name{{Given: "Jiménez", Family: "Rosalinda"}}, Emails: []string{"rosalinda.j@example.com"}},
		Record{Names: []Name{{Given: "Rosalinda", Family: "Gimenez"}}, Emails: []string{"rosalinda.j@example.com"}}},
	{"a branch of a firm",
		Record{Kind: Organization, Names: []Name{{Full: "Comercial Quixtán, S.A."}}, Phones: []Phone{{"22221234", "GT"}}, Addresses: []Address{{Street: "7a avenida 3-20", Locality: "Guatemala"}}},
		Record{Kind: Organization, Names: []Name{{Full: "COMERCIAL QUIXTAN"}}, Phones: []Phone{{"77775678", "GT"}}, Addresses: []Address{{Street: "1 calle 1-10", Locality: "Cobán"}}}},
	{"a firm written twice",
		Record{Kind: Organization, Names: []Name{{Full: "Comercial Quixtán, S.A."}}, Phones: []Phone{{"22221234", "GT"}}},
		Record{Kind: Organization, Names: []Name{{Full: "Comercial Quixtan Sociedad Anónima"}}, Phones: []Phone{{"2222-1234", "GT"}}}},
}

// A change of this file changes who is who in every hub: the engine's version goes
// up with it.
func TestExplanationsAreFixed(t *testing.T) {
	const file = "testdata/explanations.golden"
	e := newEngine(t)
	var b bytes.Buffer
	fmt.Fprintf(&b, "engine %s, models %s\n", e.Version(), e.ModelVersion())
	for i, p := range goldenPairs {
		p.a.ID, p.b.ID = recordID(fmt.Sprint("a", i)), recordID(fmt.Sprint("b", i))
		x := indexOf(e, []Record{p.a, p.b}).Explain(p.a.ID, p.b.ID)
		fmt.Fprintf(&b, "\n%s\n", p.name)
		for _, r := range x.Rows {
			fmt.Fprintf(&b, "  %-11s %-36s %8d\n", r.Comparison, r.Level, r.Weight)
		}
		fmt.Fprintf(&b, "  %-48s %8d  %s %s\n", "total", x.Total, x.Band, x.Exclusive)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("explanations changed; if that is meant, raise engineVersion and run with -update:\n%s", b.String())
	}
}
