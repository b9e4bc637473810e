package matching

import (
	"github.com/google/uuid"

	"ficha/internal/text"
	"ficha/matching/lexicon"
)

// engineVersion names the normaliser and scorer. It goes up whenever a golden
// test changes, because groups may change with it.
const engineVersion = "1"

// Engine normalises and scores with a fixed pair of models. It is immutable and
// safe for concurrent use.
type Engine struct {
	models       Models
	words        *lexicon.Lexicon
	formalSounds []uint32      // by id − 1
	makers       [2][]keyMaker // key makers of each kind, in the model's order
	splits       [2][]splitter
}

// NewEngine builds an engine. It panics when models lacks one of the two or the
// embedded tables are damaged, both mistakes of the program and not of its input.
func NewEngine(models Models) *Engine {
	if models.Person == nil || models.Organization == nil {
		panic("matching: NewEngine needs a model for persons and one for organizations")
	}
	words, err := lexicon.Load()
	if err != nil {
		panic("matching: " + err.Error())
	}
	e := &Engine{models: models, words: words}
	for _, name := range words.FormalNames() {
		e.formalSounds = append(e.formalSounds, soundOf(name))
	}
	for i, m := range []*Model{models.Person, models.Organization} {
		for _, r := range m.Blocking {
			e.makers[i] = append(e.makers[i], keyMakers[m.Kind][r.Key])
			e.splits[i] = append(e.splits[i], splitters[r.Split])
		}
	}
	return e
}

// Version names the normaliser and scorer.
func (e *Engine) Version() string { return engineVersion }

// ModelVersion is a hash over the content of both models.
func (e *Engine) ModelVersion() string { return e.models.Version() }

// Models gives the models that the engine was built with.
func (e *Engine) Models() Models { return e.models }

func (e *Engine) model(p *Prepared) *Model {
	if p.organization {
		return e.models.Organization
	}
	return e.models.Person
}

func kindIndex(p *Prepared) int {
	if p.organization {
		return 1
	}
	return 0
}

// Prepared is a record normalised for comparing, a few hundred bytes. It is
// immutable.
type Prepared struct {
	id           uuid.UUID
	organization bool
	gender       byte // 'm', 'f' or 0
	birth        date
	employer     uint32
	initial      uint32 // tells people who share an identifier apart; 0 unknown
	names        []name
	documents    []document
	phones       []phone
	emails       []email
	places       []place
	extra        *extra // nil for most
}

// extra is what few records have.
type extra struct {
	titles  []title // names of an organisation
	handles []uint64
}

func (p *Prepared) titles() []title {
	if p.extra == nil {
		return nil
	}
	return p.extra.titles
}

func (p *Prepared) handles() []uint64 {
	if p.extra == nil {
		return nil
	}
	return p.extra.handles
}

// ID is the id of the record it was made from.
func (p *Prepared) ID() uuid.UUID { return p.id }

// Kind is Person or Organization.
func (p *Prepared) Kind() Kind {
	if p.organization {
		return Organization
	}
	return Person
}

// Prepare normalises a record. It never fails: what cannot be read is left out.
func (e *Engine) Prepare(r Record) *Prepared {
	p := &Prepared{id: r.ID, organization: r.Kind == Organization, gender: gender(r.Gender)}
	x := extra{handles: handles(r.Handles)}
	if p.organization {
		x.titles = e.titles(r.Names, r.Organization)
	} else {
		p.names = e.names(r.Names)
		p.birth = parseDate(r.BirthDate)
		p.employer = e.employer(r.Organization)
	}
	p.documents = e.documents(r.Documents)
	if !p.organization {
		p.readDocuments()
	}
	p.phones = phones(r.Phones)
	p.emails = e.emails(r.Emails, p.names)
	if len(x.titles)+len(x.handles) > 0 {
		p.extra = &x
	}
	p.places = e.places(r.Addresses)
	p.initial = e.initial(p)
	return p.compact()
}

// slab is a record of the usual size in one piece of memory. A record is compared
// with hundreds of others that lie anywhere, and costs as many cache and page
// misses as it has pieces.
type slab struct {
	Prepared
	name     [1]name
	words    [4]word
	place    [1]place
	terms    [3]term
	phone    [1]phone
	email    [1]email
	document [1]document
}

// compact moves a record into one piece of memory if it fits.
func (p *Prepared) compact() *Prepared {
	if len(p.names) != 1 || len(p.names[0].words) > 4 || len(p.places) > 1 || len(p.phones) > 1 || len(p.emails) > 1 || len(p.documents) > 1 {
		return p
	}
	if len(p.places) == 1 && len(p.places[0].street)+len(p.places[0].town) > 3 {
		return p
	}
	s := &slab{Prepared: *p}
	s.names = s.name[:copy(s.name[:], p.names)]
	s.name[0].words = s.words[:copy(s.words[:], p.names[0].words)]
	s.places = s.place[:copy(s.place[:], p.places)]
	for i := range s.places {
		pl := &s.place[i]
		n := copy(s.terms[:], pl.street)
		m := copy(s.terms[n:], pl.town)
		pl.street, pl.town = s.terms[:n:n], s.terms[n:n+m]
	}
	s.phones = s.phone[:copy(s.phone[:], p.phones)]
	s.emails = s.email[:copy(s.email[:], p.emails)]
	s.documents = s.document[:copy(s.document[:], p.documents)]
	return &s.Prepared
}

// initial is the first letter of the given name, a short form's by the formal
// name that it stands for; for organisations it is the first word.
func (e *Engine) initial(p *Prepared) uint32 {
	for i := range p.titles() {
		return p.titles()[i].terms[0].hash
	}
	for i := range p.names {
		for j := range p.names[i].words {
			if w := &p.names[i].words[j]; w.role == givenRole {
				if f := w.formalIDs(); len(f) > 0 {
					return uint32(e.words.Formal(f[0])[0])
				}
				return uint32(w.text[0])
			}
		}
	}
	return 0
}

// gender reads the first letter in Spanish, English and Portuguese, and the words
// that do not go by it.
func gender(s string) byte {
	switch f := text.Fold(s); {
	case f == "":
		return 0
	case f == "mujer" || f[0] == 'f' || f[0] == 'w':
		return 'f'
	case f[0] == 'm' || f == "h" || f == "v" || f == "hombre" || f == "homem" || f == "varon":
		return 'm'
	}
	return 0
}

// limits on what one record may hold: more would be no person's, and every pair
// of values is compared.
const (
	maxNames  = 4
	maxWords  = 8
	maxValues = 8
	maxKeys   = 64
	maxText   = 512 // bytes of one value that are read
)

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
