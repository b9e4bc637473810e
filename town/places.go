package town

import (
	"fmt"
	"strconv"
	"strings"

	"ficha/events"
)

// country is where a unit lives: its weight in the town, its cities, how it
// writes addresses and telephone numbers.
type country struct {
	code, dial string
	weight     int // of a thousand units
	cities     []city
	streets    []string
	mobile     string // first digits of a mobile number; "": the city's area code
	digits     int    // of a national number
}

// city with its region, how its postal codes begin (filled up with digits to
// postal), and its telephone area code.
type city struct {
	name, region, postal, area string
}

var commonStreets = []string{"Morelos", "Hidalgo", "Independencia", "Libertad", "San José", "Los Pinos", "Las Flores", "Bolívar", "La Paz", "Colón", "Las Rosas", "El Carmen", "Cervantes", "San Martín", "Reforma", "Juárez", "Los Álamos", "Santa Lucía", "del Sol", "Sucre", "La Merced", "El Calvario", "Los Olivos", "Miraflores", "Buena Vista", "Las Palmas", "San Antonio", "El Prado", "Los Cipreses", "Santa Elena"}

// countries lists where the town's people live, in the order of weight.
func countries() []country {
	return []country{
		{code: "GT", dial: "502", weight: 320, digits: 8, streets: commonStreets, cities: []city{
			{"Guatemala", "Guatemala", "010", "3"}, {"Mixco", "Guatemala", "0105", "4"}, {"Villa Nueva", "Guatemala", "0106", "5"}, {"Quetzaltenango", "Quetzaltenango", "0900", "5"},
			{"Antigua Guatemala", "Sacatepéquez", "0300", "3"}, {"Cobán", "Alta Verapaz", "1600", "4"}, {"Huehuetenango", "Huehuetenango", "1300", "4"}, {"Escuintla", "Escuintla", "0500", "5"}}},
		{code: "MX", dial: "52", weight: 280, digits: 10, streets: commonStreets, cities: []city{
			{"Ciudad de México", "CDMX", "06", "55"}, {"Guadalajara", "Jalisco", "44", "33"}, {"Monterrey", "Nuevo León", "64", "81"}, {"Puebla", "Puebla", "72", "222"},
			{"Mérida", "Yucatán", "97", "999"}, {"Tuxtla Gutiérrez", "Chiapas", "29", "961"}, {"León", "Guanajuato", "37", "477"}}},
		{code: "ES", dial: "34", weight: 180, digits: 9, mobile: "6", streets: append([]string{"Mayor", "Real", "Alcalá", "Gran Vía", "Nueva", "de la Iglesia", "del Pilar", "Doctor Fleming", "Goya", "Velázquez"}, commonStreets...), cities: []city{
			{"Madrid", "Madrid", "280", ""}, {"Barcelona", "Barcelona", "080", ""}, {"Valencia", "Valencia", "460", ""}, {"Sevilla", "Sevilla", "410", ""}, {"Zaragoza", "Zaragoza", "500", ""}, {"A Coruña", "A Coruña", "150", ""}}},
		{code: "CO", dial: "57", weight: 120, digits: 10, mobile: "31", streets: commonStreets, cities: []city{
			{"Bogotá", "Bogotá D.C.", "1101", ""}, {"Medellín", "Antioquia", "0500", ""}, {"Cali", "Valle del Cauca", "7600", ""}, {"Barranquilla", "Atlántico", "0800", ""}}},
		{code: "AR", dial: "54", weight: 40, digits: 10, streets: append([]string{"Rivadavia", "Belgrano", "Corrientes", "Tucumán", "Sarmiento"}, commonStreets...), cities: []city{
			{"Buenos Aires", "CABA", "1", "11"}, {"Córdoba", "Córdoba", "5", "351"}, {"Rosario", "Santa Fe", "2", "341"}}},
		{code: "CL", dial: "56", weight: 30, digits: 9, mobile: "9", streets: append([]string{"Arturo Prat", "O'Higgins", "Manuel Montt"}, commonStreets...), cities: []city{
			{"Santiago", "Región Metropolitana", "832", ""}, {"Valparaíso", "Valparaíso", "234", ""}, {"Concepción", "Biobío", "403", ""}}},
		{code: "PE", dial: "51", weight: 30, digits: 9, mobile: "9", streets: append([]string{"Ucayali", "Ayacucho", "Junín", "Tacna"}, commonStreets...), cities: []city{
			{"Lima", "Lima", "150", ""}, {"Arequipa", "Arequipa", "040", ""}, {"Trujillo", "La Libertad", "130", ""}}},
	}
}

// postalDigits is how long a postal code is; the rest of city.postal is drawn.
func (c *country) postalDigits() int {
	switch c.code {
	case "CO":
		return 6
	case "AR":
		return 4
	case "CL":
		return 7
	}
	return 5
}

// address draws a street address in the way of the country.
func (c *country) address(d *dice, in *city) events.Address {
	a := events.Address{Locality: in.name, Region: in.region, Country: c.code, Number: strconv.Itoa(d.between(1, 980))}
	street := oneOf(d, c.streets)
	switch c.code {
	case "GT":
		a.Street = fmt.Sprintf("%d %s", d.between(1, 30), oneOf(d, []string{"calle", "avenida"}))
		a.Number = fmt.Sprintf("%d-%02d", d.between(1, 25), d.between(1, 99))
		a.Unit = "zona " + strconv.Itoa(d.between(1, 21))
	case "CO":
		a.Street = fmt.Sprintf("%s %d", oneOf(d, []string{"Calle", "Carrera", "Diagonal"}), d.between(1, 170))
		a.Number = fmt.Sprintf("%d-%02d", d.between(1, 110), d.between(1, 99))
	case "PE":
		a.Street = oneOf(d, []string{"Jirón ", "Avenida ", "Calle "}) + street
	default:
		a.Street = oneOf(d, []string{"Calle ", "Calle ", "Calle ", "Avenida ", "Avenida ", "Paseo ", "Pasaje "}) + street
	}
	if c.code == "ES" && d.chance(700) {
		a.Unit = fmt.Sprintf("%dº %s", d.between(1, 8), oneOf(d, []string{"A", "B", "C", "izda.", "dcha."}))
	}
	a.PostalCode = in.postal
	for len(a.PostalCode) < c.postalDigits() {
		a.PostalCode += strconv.Itoa(d.below(10))
	}
	return a
}

// number is a mobile number: country and national digits.
type number struct {
	c        *country
	national string
}

// number gives the nth mobile number of a city, no two alike. Second numbers
// (after a change) come from the other half of the range.
func (c *country) number(n uint64, in *city, second bool, seed uint64) number {
	head := c.mobile
	if head == "" {
		head = in.area
	}
	rest := c.digits - len(head)
	half := uint64(3)
	for range rest - 1 {
		half *= 10
	}
	v := permuted(n, half, mix(seed^uint64(len(head))))
	if second {
		v += half
	}
	first := half / 3 * 2 // so that the rest begins with 2 to 7
	return number{c: c, national: head + strconv.FormatUint(first+v, 10)}
}

// e164 is the number's normal form; Argentine mobiles carry a 9.
func (n number) e164() string {
	if n.c.code == "AR" {
		return "+549" + n.national
	}
	return "+" + n.c.dial + n.national
}

// write gives the number as somebody might type it.
func (n number) write(d *dice) events.Phone {
	switch d.below(10) {
	case 0, 1, 2:
		return events.Phone{Value: n.e164()}
	case 3, 4:
		return events.Phone{Value: "+" + n.c.dial + " " + n.grouped(" ")}
	case 5, 6:
		return events.Phone{Value: n.national, Region: n.c.code}
	case 7, 8:
		return events.Phone{Value: n.grouped("-"), Region: n.c.code}
	}
	if n.c.code == "MX" {
		return events.Phone{Value: "+521" + n.national} // as before 2019
	}
	return events.Phone{Value: "00" + n.c.dial + " " + n.grouped(" "), Region: "ES"}
}

// grouped splits the national digits in the last four and threes before.
func (n number) grouped(sep string) string {
	s := n.national
	parts := []string{s[len(s)-4:]}
	for s = s[:len(s)-4]; len(s) > 0; {
		cut := max(0, len(s)-4)
		if len(s) > 4 {
			cut = len(s) - 3
		}
		parts = append([]string{s[cut:]}, parts...)
		s = s[:cut]
	}
	return strings.Join(parts, sep)
}
