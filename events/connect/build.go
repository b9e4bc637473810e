package connect

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ficha/events"
)

// denial is a flag of the row: the customer does not want to be contacted.
type denial struct {
	scope  string // channel.purpose, channel, or "" for all
	reason string // what the cell said, where that is not just yes
}

// builder collects what the cells of one row say. It is used for one row after
// another.
type builder struct {
	rules     *rules
	rec       events.CustomerRecorded
	id        string
	revision  *int64
	at        time.Time
	names     []grouped[events.Name]
	phones    []grouped[events.Phone]
	emails    []grouped[events.Email]
	addresses []grouped[events.Address]
	documents []grouped[events.Document]
	handles   []grouped[events.Handle]
	denials   []denial
	withdrawn bool
	subSource string // last part of the source, where the row names one
	notes     []rowError
	countries *gazetteer
	said      bool // some cell says something about the customer
}

// rules are what a file's rows are read by.
type rules struct {
	mapping Mapping
	zone    *time.Location
	order   order
	hombre  bool // H is for men, so M is for women
	now     time.Time
}

// grouped is one phone, address, … of several, by the group of its columns.
type grouped[T any] struct {
	group string
	value T
}

// at gives the member of a group, which it makes where there is none.
func at[T any](list *[]grouped[T], group string) *T {
	for i := range *list {
		if (*list)[i].group == group {
			return &(*list)[i].value
		}
	}
	*list = append(*list, grouped[T]{group: group})
	return &(*list)[len(*list)-1].value
}

func (b *builder) reset() { *b = builder{rules: b.rules, countries: b.countries, notes: b.notes[:0]} }

// note reports what is odd about a value that is left out or looks damaged.
func (b *builder) note(column, code, detail string) {
	b.notes = append(b.notes, rowError{Code: code, Pointer: column, Detail: detail})
}

// aside keeps under ext what could not be read.
func (b *builder) aside(name, value string) {
	if b.rec.Ext == nil {
		b.rec.Ext = make(map[string]json.RawMessage)
	}
	v, err := json.Marshal(value)
	if err == nil { // strings always encode
		b.rec.Ext[name] = v
	}
}

// put takes one cell in.
func (b *builder) put(t target, column, value string) {
	if t.field == ignored {
		return
	}
	value, repaired := repair(value)
	if repaired {
		b.note(column, "wrong_encoding", "the value is not of the file's encoding; it was read as Windows-1252")
	}
	if value = clean(value, t.field >= nameGiven && t.field <= nameOrganization); value == "" {
		return
	}
	if hasControl(value) {
		b.note(column, "control_character", "the value has control characters; it was left out")
		return
	}
	switch {
	case t.field >= nameGiven && t.field <= nameOrganization:
		b.putName(t, oneLine(value))
	case t.field >= phoneValue && t.field <= emailUse:
		b.putReach(t, column, oneLineUnlessList(t, value))
	case t.field >= documentNumber && t.field <= documentCountry:
		b.putDocument(t, column, oneLine(value))
	case t.field >= addressLine && t.field <= addressUse:
		b.putAddress(t, column, value)
	default:
		b.putSingle(t, column, value)
	}
}

// oneLineUnlessList keeps line ends where they part several values.
func oneLineUnlessList(t target, s string) string {
	if t.field == phoneValue || t.field == emailValue {
		return s
	}
	return oneLine(s)
}

func (b *builder) putName(t target, value string) {
	b.said = true
	if t.field == nameOrganization {
		b.rec.Kind = events.Organization
		at(&b.names, "organization").Full = value
		return
	}
	n := at(&b.names, t.group)
	switch t.field {
	case nameGiven:
		n.Given = value
	case nameMiddle:
		n.Middle = value
	case nameFamily:
		n.Family = value
	case nameFamily2:
		n.Family2 = value
	case nameFull:
		n.Full = value
	case namePrefix:
		n.Prefix = value
	case nameSuffix:
		n.Suffix = value
	case nameUse:
		n.Use = value
	}
	if t.arg != "" && n.Use == "" {
		n.Use = t.arg
	}
}

func (b *builder) putReach(t target, column, value string) {
	switch t.field {
	case phoneValue:
		for i, v := range several(value, 6) {
			b.putPhone(target{field: t.field, arg: t.arg, group: nth(t.group, i)}, column, oneLine(v))
		}
	case phoneUse:
		at(&b.phones, t.group).Use = value
	case phoneRegion:
		at(&b.phones, t.group).Region = b.countries.country(value)
	case phoneExtension:
		at(&b.phones, t.group).Extension = value
	case emailValue:
		for i, v := range several(value, 5) {
			e := at(&b.emails, nth(t.group, i))
			if e.Value != "" { // another column of the same use
				e = at(&b.emails, nth(t.group+"/"+column, i))
			}
			e.Value, e.Use, b.said = oneLine(v), orElse(e.Use, t.arg), true
		}
	case emailUse:
		at(&b.emails, t.group).Use = value
	}
}

// nth is the group of the nth value of one cell.
func nth(group string, i int) string {
	if i == 0 {
		return group
	}
	return group + "+" + strconv.Itoa(i)
}

func (b *builder) putPhone(t target, column, value string) {
	if spreadsheetNumber(value) {
		b.note(column, "spreadsheet_number", "a spreadsheet has cut this number short; it was left out")
		b.aside("phone_raw", value)
		return
	}
	if whole, was := wholeNumber(value); was {
		b.note(column, "spreadsheet_decimal", "the number had decimals, which were taken off")
		value = whole
	}
	p := at(&b.phones, t.group)
	if p.Value != "" { // another column of the same use
		p = at(&b.phones, t.group+"/"+column)
	}
	p.Value, b.said = value, true
	if p.Use == "" {
		p.Use = t.arg
	}
}

func (b *builder) putDocument(t target, column, value string) {
	switch t.field {
	case documentKind:
		at(&b.documents, t.group).Kind = value
		return
	case documentCountry:
		at(&b.documents, t.group).Country = b.countries.country(value)
		return
	}
	if spreadsheetNumber(value) {
		b.note(column, "spreadsheet_number", "a spreadsheet has cut this number short; it was left out")
		b.aside("document_raw", value)
		return
	}
	if whole, was := wholeNumber(value); was {
		b.note(column, "spreadsheet_decimal", "the number had decimals, which were taken off")
		value = whole
	}
	d := at(&b.documents, t.group)
	d.Number, b.said = value, true
	if d.Kind == "" {
		d.Kind = t.arg
	}
}

func (b *builder) putAddress(t target, column, value string) {
	a := at(&b.addresses, t.group)
	if a.Use == "" {
		a.Use = t.arg
	}
	if t.field != addressLine {
		value = oneLine(value)
	}
	switch t.field {
	case addressLine:
		for line := range strings.Lines(value) {
			if line = oneLine(line); line != "" {
				a.Lines = append(a.Lines, line)
			}
		}
	case addressStreet:
		a.Street = value
	case addressNumber:
		a.Number = value
	case addressUnit:
		a.Unit = value
	case addressLocality:
		a.Locality = value
	case addressRegion:
		a.Region = value
	case addressPostal:
		a.PostalCode, _ = wholeNumber(value)
	case addressUse:
		a.Use = value
	case addressCountry:
		if code := b.countries.country(value); code != "" {
			a.Country = code
		} else if a.Country == "" {
			b.note(column, "unknown_country", "no country of this name is known; it was left out")
			b.aside("country_raw", value)
		}
	}
	b.said = true
}

func (b *builder) putSingle(t target, column, value string) {
	r := &b.rec
	switch t.field {
	case nativeID:
		if b.id == "" || column == "id" {
			b.id = value
		}
	case revision:
		if n, err := strconv.ParseInt(strings.TrimSuffix(value, ".0"), 10, 64); err == nil {
			b.revision = &n
		} else {
			b.note(column, "unreadable_revision", "the revision is no whole number; it was left out")
		}
	case kindOf:
		if k := readKind(value); k != "" {
			r.Kind = events.Kind(k)
		}
	case birthDate, deathDate:
		b.putDate(t, column, value)
	case gender:
		if r.Gender = readGender(value, b.rules.hombre); r.Gender == "" {
			b.note(column, "unreadable_gender", "the word is not known; it was left out")
			b.aside("gender_raw", value)
		}
	case handleValue:
		h := at(&b.handles, t.group)
		h.Handle, h.Network, b.said = oneLine(value), orElse(h.Network, t.arg), true
	case handleNetwork:
		at(&b.handles, t.group).Network = oneLine(value)
	case when, createdAt, modifiedAt:
		b.putTime(t, column, value)
	case denyFlag:
		b.putDenial(t, column, value)
	case withdrawnFlag:
		b.withdrawn, _ = flag(value)
	default:
		b.putNote(t, column, value)
	}
}

// putNote takes what stands beside the identity.
func (b *builder) putNote(t target, column, value string) {
	r := &b.rec
	switch t.field {
	case language:
		r.Language = strings.ReplaceAll(value, "_", "-")
	case nationality:
		if r.Nationality = b.countries.country(value); r.Nationality == "" {
			b.aside("nationality_raw", value)
		}
	case lifecycle:
		switch v := strings.ToLower(value); v {
		case "prospect", "customer", "former":
			r.Lifecycle = v
		default:
			b.aside("lifecycle_raw", value)
		}
	case segment:
		r.Segment = oneLine(value)
	case tier:
		r.Tier = oneLine(value)
	case vip:
		if yes, sure := flag(value); sure {
			r.VIP = &yes
		}
	case tags:
		for _, tag := range several(value, 1) {
			r.Tags = append(r.Tags, oneLine(tag))
		}
	case organization:
		r.Organization = oneLine(value)
	case attribute:
		if r.Attributes == nil {
			r.Attributes = make(map[string]json.RawMessage)
		}
		if v, err := json.Marshal(value); err == nil { // strings always encode
			r.Attributes[t.arg] = v
		}
	case extension:
		b.aside(t.arg, value)
	}
}

func (b *builder) putDate(t target, column, value string) {
	date, why := parseDate(value, b.rules.order, b.rules.now)
	name := "birth_date"
	if t.field == deathDate {
		name = "death_date"
	}
	if why != "" {
		detail := "the date cannot be read for sure; it was kept as " + name + "_raw"
		if date != "" {
			detail = "which is the day and which the month is not sure; only the year was taken, and all of it kept as " + name + "_raw"
		}
		b.note(column, why, detail)
		b.aside(name+"_raw", value)
	}
	if date == "" {
		return
	}
	if b.said = true; t.field == deathDate {
		b.rec.DeathDate = date
	} else {
		b.rec.BirthDate = date
	}
}

func (b *builder) putTime(t target, column, value string) {
	v, ok := parseTime(value, b.rules.order, b.rules.zone)
	switch {
	case !ok:
		b.note(column, "unreadable_time", "the time cannot be read; it was left out")
	case t.field == when:
		b.at = v
	case t.field == createdAt:
		b.rec.CreatedAt = v.Format(time.RFC3339Nano)
	default:
		b.rec.ModifiedAt = v.Format(time.RFC3339Nano)
	}
}

// putDenial reads a flag such as "do not call". Anything but a clear no counts
// as yes: a date, a remark, a misspelt word.
func (b *builder) putDenial(t target, column, value string) {
	yes, sure := flag(value)
	if sure && !yes {
		return
	}
	d := denial{scope: t.arg}
	if !sure {
		b.note(column, "unclear_denial", "the flag is neither yes nor no; it was taken for yes")
		d.reason = fmt.Sprintf("%.200s", oneLine(value))
	}
	b.denials = append(b.denials, d)
}
