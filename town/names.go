package town

import "strings"

// The lists stand in order of frequency, the most frequent first; see ranked.
const (
	menNames   = `José Juan Luis Carlos Jorge Miguel Francisco Antonio Manuel Pedro Mario Jesús Javier Alejandro Fernando Ricardo Rafael Roberto Daniel David Eduardo Sergio Óscar Víctor Héctor Alberto Julio Marco César Raúl Ángel Andrés Diego Pablo Gustavo Edgar Byron Walter Erick Hugo Rubén Enrique Ernesto Armando Gabriel Iván Santiago Sebastián Nicolás Felipe Mauricio Guillermo Alfredo Arturo Rodrigo Salvador Ramón Tomás Gerardo Ignacio Emilio Joaquín Esteban Adrián Álvaro Martín Mateo Samuel Alfonso Rodolfo Otto Marvin Henry Wilson Jaime Gonzalo Félix Germán Fabián Leonel Selvin Estuardo Elmer Danilo Humberto Ismael Lorenzo Vicente Agustín Benjamín Cristian Darío Efraín Elías Federico Fidel Fredy Gilberto Israel Jacinto Leonardo Lázaro Matías Maximiliano Moisés Néstor Noé Octavio Patricio Rigoberto Rogelio Saúl Simón Teodoro Ulises Valentín Wilmer Xavier Yeison Bruno Aurelio Bernardo Abel Aníbal Baltazar Camilo Cristóbal Domingo Edwin Eliseo Everardo Facundo Genaro Isidro Jairo Lisandro Marcelo Melchor Nahum Orlando Porfirio Ramiro Silvio Tadeo Zacarías`
	womenNames = `María Ana Guadalupe Carmen Rosa Juana Martha Silvia Patricia Claudia Sandra Luz Gloria Laura Marta Isabel Verónica Elena Mónica Teresa Irma Lucía Sofía Andrea Gabriela Adriana Alejandra Beatriz Carolina Paola Diana Sara Karla Mirna Brenda Ingrid Ligia Evelyn Heidi Yesenia Ruth Blanca Leticia Norma Julia Margarita Alicia Raquel Rocío Pilar Dolores Mercedes Cristina Marina Natalia Daniela Valentina Camila Mariana Fernanda Valeria Jimena Paula Alba Nuria Inés Eva Clara Lorena Susana Yolanda Esther Angélica Araceli Aurora Azucena Bárbara Berta Catalina Cecilia Celeste Consuelo Débora Edith Elisa Elvira Emilia Esmeralda Esperanza Estela Eugenia Fabiola Fátima Flor Florencia Francisca Graciela Griselda Hilda Irene Ivonne Jacqueline Jazmín Josefina Judith Karina Liliana Lidia Lourdes Luisa Magdalena Maribel Marisol Maritza Matilde Mayra Micaela Miriam Nancy Nora Olga Ofelia Paulina Perla Rebeca Renata Reyna Rosario Roxana Sonia Tatiana Thelma Tomasa Úrsula Vanessa Victoria Vilma Virginia Wendy Ximena Yadira Zoila Abigail Amparo Antonia Ariadna Belén Constanza Delia Eulalia Graciela Hortensia Imelda Jerónima Leonor Macarena Nidia Obdulia Petrona Remedios Soledad Trinidad Zulema`
	// Second given names are often one of these few.
	menSecond   = `Carlos Antonio Luis Alberto Manuel Ángel Enrique Fernando Roberto Eduardo José Francisco Arturo Alejandro Javier Pablo Ernesto Rafael David Andrés Rolando Estuardo Humberto Leonel`
	womenSecond = `Elena Isabel Fernanda José Guadalupe Alejandra Teresa Eugenia Cristina del·Carmen Lucía Beatriz Patricia Victoria Mercedes Gabriela Paola Luisa Concepción del·Rosario Carolina de·los·Ángeles Esperanza Julia`

	surnames = `García López González Hernández Pérez Rodríguez Martínez Morales Ramírez Sánchez Gómez Díaz Ramos Castillo Reyes Flores Cruz Juárez Ortiz Vásquez Méndez Aguilar Gutiérrez Chávez Fuentes Torres Mendoza Estrada Álvarez Castro Romero Jiménez Ruiz Herrera Moreno Muñoz Rivera Contreras Fernández Suárez Medina Vargas Guzmán Velásquez Rojas Salazar Silva Delgado Ortega Núñez Mejía Ríos Cabrera Campos Vega León Soto Guerrero Molina Domínguez Cárdenas Ávila Rosales Acosta Navarro Valdez Orozco Pineda Barrios Cordero Escobar Figueroa Galindo Lemus Maldonado Miranda Monzón Osorio Pacheco Paz Peña Ponce Quintana Quiroga Robles Roldán Rosas Rubio Salinas Sandoval Santos Serrano Solís Solano Toledo Trejo Trujillo Urrutia Valencia Valenzuela Vidal Villanueva Villatoro Zamora Zavala Zepeda Zúñiga Alonso Alfaro Almeida Amaya Andrade Aquino Arango Aranda Arce Arévalo Arias Arriaga Báez Barrera Bautista Benítez Bermúdez Blanco Bonilla Bravo Bustamante Caballero Calderón Camacho Cano Cárcamo Carranza Carrera Castañeda Cerna Cisneros Colindres Corado Córdova Cortés Cuevas Dávila Duarte Durán Enríquez Escalante Espinoza Esquivel Franco Gálvez Garrido Gil Godínez Granados Guerra Guevara Ibáñez Iglesias Izquierdo Lara Ledesma Leiva Lima Linares Lorenzana Lozano Luna Machado Marín Marroquín Mazariegos Mejicanos Melgar Mena Mijangos Montenegro Montes Montoya Mora Murillo Nájera Nava Ochoa Olivares Oliva Ordóñez Palacios Palma Paredes Parra Pellecer Pinto Polanco Portillo Prado Prieto Quezada Quiñónez Quiroz Recinos Rangel Rendón Restrepo Rincón Robledo Rosado Saavedra Salguero Santizo Sagastume Segura Sierra Sosa Tejada Tello Tobar Ugarte Uribe Valdivia Valladares Valle Vela Velarde Vera Villalobos Villegas Yáñez Zelaya`

	// Rarer surnames are put together from two halves.
	rareHeads = `Eche Goi Iri Mendi Urru Aran Belaus Zubi Irala Olaz Gar Sagas Elo Bidau Larra Etxe Aguirre Barren Uri Amu Ola Ibar Iru Zala Ara`
	rareTails = `barría goyen zábal garay sola tegui aga eta coechea bide mendi sarri chaga zola rreta biri guren nechea ondo txea`
	// Surnames of the highlands of Guatemala.
	mayaSurnames = `Caal Choc Pop Tzoc Xol Coc Cuc Ical Tut Bol Chub Ajú Cux Xitumul Ixcoy Tecún Ajanel Batz Chávajay Cojtí Cumes Chiroy Guarcas Ixtamer Morán·Xol Quiej Raxón Sajquim Saquic Sicajau Tahuico Toj Tum Tuy Yac Yat Yaxcal Zapet Zet Ixquiac`
)

// Short forms by which people present themselves; the shop and the chat know
// them by these.
const shortForms = `José:Pepe,Chepe Francisco:Paco,Pancho,Chico Manuel:Manolo,Meme Guadalupe:Lupe,Lupita Jesús:Chuy,Chus Antonio:Toño Ignacio:Nacho Enrique:Quique Roberto:Beto Alberto:Beto Luis:Lucho,Güicho Mercedes:Meche Rosario:Charo,Chayo Concepción:Concha Dolores:Lola Isabel:Chabela,Isa Teresa:Tere Patricia:Paty Gabriela:Gaby Alejandra:Ale Alejandro:Ale,Jano Eduardo:Lalo Fernando:Nando,Fer Fernanda:Fer Gregorio:Goyo Rafael:Rafa Ricardo:Rica,Richi Guillermo:Memo Graciela:Chela Leticia:Lety Beatriz:Bety Verónica:Vero Carolina:Caro Cristina:Cris Daniel:Dani Daniela:Dani Margarita:Mago Josefina:Pina,Chepina Carlos:Carlitos,Charly Juan:Juancho Miguel:Migue Andrés:Andy Sebastián:Sebas Salvador:Chava Héctor:Tito Federico:Fede Santiago:Santi María:Mari,Mary Marta:Martita Consuelo:Chelo Ernesto:Neto Alfonso:Poncho Gonzalo:Chalo Rodolfo:Fito Adriana:Adri Mónica:Moni Natalia:Nati Valentina:Vale Valeria:Vale Víctor:Vic Soledad:Sole Joaquín:Quino Vicente:Chente Esperanza:Pera Yolanda:Yoli Susana:Susi Silvia:Silvi Claudia:Clau Sandra:Sandri Raúl:Rulo Sergio:Checo`

// ranked is a list with Zipf-like weights: the nth name weighs 1/(n+offset).
type ranked struct {
	names []string
	sums  []int
}

// rank reads a list; a middle dot stands for a space inside a name.
func rank(list string, offset int) ranked {
	r := ranked{names: strings.Fields(list)}
	sum := 0
	for i, n := range r.names {
		r.names[i] = strings.ReplaceAll(n, "·", " ")
		sum += 1_000_000 / (i + offset)
		r.sums = append(r.sums, sum)
	}
	return r
}

// pick draws a name by weight.
func (r ranked) pick(d *dice) string {
	want := d.below(r.sums[len(r.sums)-1])
	lo, hi := 0, len(r.sums)-1
	for lo < hi {
		if mid := (lo + hi) / 2; r.sums[mid] > want {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return r.names[lo]
}

// lexicon holds the name lists ready for drawing.
type lexicon struct {
	men, women, men2, women2 ranked
	surnames, maya           ranked
	heads, tails             []string
	short                    map[string][]string
}

func newLexicon() *lexicon {
	l := &lexicon{
		men: rank(menNames, 9), women: rank(womenNames, 9),
		men2: rank(menSecond, 6), women2: rank(womenSecond, 6),
		surnames: rank(surnames, 14), maya: rank(mayaSurnames, 9),
		heads: strings.Fields(rareHeads), tails: strings.Fields(rareTails),
		short: make(map[string][]string),
	}
	for _, f := range strings.Fields(shortForms) {
		name, forms, _ := strings.Cut(f, ":")
		l.short[name] = strings.Split(forms, ",")
	}
	return l
}

// given draws one or two given names.
func (l *lexicon) given(d *dice, female bool, country string) string {
	first, second := l.men, l.men2
	if female {
		first, second = l.women, l.women2
	}
	name, two := first.pick(d), 620
	if country == "ES" {
		two = 280
	}
	if !d.chance(two) {
		return name
	}
	switch other := second.pick(d); {
	case other == name, other == "José" && name != "María":
		return name
	default:
		return name + " " + other
	}
}

// surname draws a surname of the country.
func (l *lexicon) surname(d *dice, country string) string {
	switch {
	case country == "GT" && d.chance(160):
		return l.maya.pick(d)
	case d.chance(70):
		return oneOf(d, l.heads) + oneOf(d, l.tails)
	case d.chance(25):
		return oneOf(d, []string{"de León", "de la Cruz", "del Cid", "de Paz", "de la Torre", "del Valle", "de los Santos", "de la Rosa"})
	}
	return l.surnames.pick(d)
}
