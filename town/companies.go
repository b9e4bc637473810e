package town

import (
	"strconv"
	"strings"

	"ficha/events"
)

// company is an organisation as it really is.
type company struct {
	id       string
	name     string   // without legal form
	forms    []string // ways in which systems write the form
	document events.Document
	phone    number
	email    string
}

// organisation draws a unit that is a company: a customer of the bank, a
// supplier of the shop.
func (t *Town) organisation(no uint64) *unit {
	d := roll(t.cfg.Seed, no, purposeCompany)
	u := &unit{no: no, seed: t.cfg.Seed, country: t.pickCountry(d), movedAt: never}
	in := &u.country.cities[d.below(len(u.country.cities))]
	u.home = u.country.address(d, in)
	c := &company{id: "org-" + strconv.FormatUint(no, 10), forms: legalForms(u.country.code)}
	trade := oneOf(d, []string{"Ferretería", "Panadería", "Transportes", "Constructora", "Farmacia", "Distribuidora", "Textiles", "Papelería", "Comercial", "Servicios", "Agrícola", "Importadora", "Clínica", "Taller", "Editorial"})
	c.name = trade + " " + oneOf(d, []string{"El Águila", "La Espiga", "San Rafael", "del Norte", "del Valle", "La Estrella", "El Roble", "Los Andes", "Montecristo", "El Faro", "La Unión", "Bella Vista", "El Trébol", "Santa Fe", "Río Claro"})
	if d.chance(600) {
		c.name = trade + " " + t.words.surname(d, u.country.code)
	}
	if d.chance(250) {
		c.name += " e Hijos"
	}
	n := no * 8
	c.document = companyDocument(u.country, no, t.cfg.Seed)
	c.phone = u.country.number(n, in, false, t.cfg.Seed)
	c.email = "ventas" + strconv.FormatUint(mix(n)%90000+10, 10) + "@" + strings.ToLower(plain(strings.Fields(c.name)[0])) + ".example"
	u.company = c
	for i := range t.habits {
		h := &t.habits[i]
		if (h.source == SourceCRM && d.chance(750)) || (h.source == SourceCore && d.chance(600)) || (h.source == SourceShop && d.chance(350)) {
			t.add(d, u, 0, h, -1)
		}
	}
	if len(u.records) == 0 {
		t.add(d, u, 0, &t.habits[0], -1)
	}
	return u
}

func legalForms(country string) []string {
	switch country {
	case "MX":
		return []string{"S.A. de C.V.", "SA de CV", "S. A. DE C. V."}
	case "ES":
		return []string{"S.L.", "SL", "Sociedad Limitada"}
	case "CO":
		return []string{"S.A.S.", "SAS"}
	case "AR":
		return []string{"S.R.L.", "SRL"}
	case "CL":
		return []string{"Ltda.", "Limitada"}
	case "PE":
		return []string{"S.A.C.", "SAC"}
	}
	return []string{"S.A.", "SA", "Sociedad Anónima"}
}

// values writes what a system holds of the company.
func (c *company) values(t *Town, u *unit, index int) events.CustomerRecorded {
	r := u.records[index]
	d := roll(u.seed, u.no, purposeValues, uint64(index))
	w := &pen{dice: roll(u.seed, u.no, purposeTypos, uint64(index)), share: typoShare / 2}
	name := w.word(written(d, r.habit, c.name))
	if d.chance(750) {
		name += " " + oneOf(d, c.forms)
	}
	x := events.CustomerRecorded{Record: events.Record{RecordKey: r.key}, Kind: events.Organization, Names: []events.Name{{Full: name}}}
	if d.chance(700) {
		x.Documents = []events.Document{c.document}
	}
	phone := c.phone.write(d)
	phone.Value, phone.Use = w.digits(phone.Value, 5), "work"
	if x.Phones = []events.Phone{phone}; d.chance(200) && len(x.Documents) > 0 {
		x.Phones = nil
	}
	if d.chance(650) {
		x.Emails = []events.Email{{Value: c.email, Use: "work"}}
	}
	if d.chance(700) {
		x.Addresses = []events.Address{u.home}
	}
	return x
}
