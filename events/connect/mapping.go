package connect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ficha/events"
)

// PresetSenzing reads the published JSON format of Senzing: DATA_SOURCE,
// RECORD_ID, and features such as NAME_LAST or ADDR_CITY, flat or in lists. The
// data source becomes the last part of the records' source.
const PresetSenzing = "senzing"

// Mapping says which column becomes what. Columns that it does not name are
// recognised by name.
type Mapping struct {
	// Name of the mapping, noted in the events.
	Name string `yaml:"name" json:"name,omitempty"`
	// Preset reads a known format: senzing. Columns are not looked at then.
	Preset string `yaml:"preset" json:"preset,omitempty"`
	// Kind of the records that do not say theirs: person (default) or organization.
	Kind events.Kind `yaml:"kind" json:"kind,omitempty"`
	// Mode of the statements: patch (default: an empty cell says nothing) or full
	// (an empty cell says that there is none).
	Mode events.Mode `yaml:"mode" json:"mode,omitempty"`
	// Region (ISO 3166 alpha-2) of telephone numbers without country code, where
	// the row names no country.
	Region string `yaml:"region" json:"region,omitempty"`
	// TimeZone (IANA) of times without one; default UTC.
	TimeZone string `yaml:"time_zone" json:"time_zone,omitempty"`
	// DayFirst says how to read 03/04/1980; nil: look at the other dates.
	DayFirst *bool `yaml:"day_first" json:"day_first,omitempty"`
	// KeepUnmapped puts unmapped columns under ext.
	KeepUnmapped bool `yaml:"keep_unmapped" json:"keep_unmapped,omitempty"`
	// Columns maps names of columns (or dotted paths) to targets:
	//
	//	id  revision  time  kind  birth_date  death_date  gender  language  nationality
	//	lifecycle  segment  tier  vip  tags  organization  created_at  modified_at
	//	names.given  names.middle  names.family  names.family2  names.full  names.prefix
	//	names.suffix  names.organization (the record is of an organisation of this name)
	//	phones  phones.USE  emails  emails.USE  handles.NETWORK
	//	documents.KIND, or documents.number with documents.kind and documents.country
	//	addresses.line (may be several)  .street .number .unit .locality .region
	//	.postal_code .country, with a use between: addresses.billing.street
	//	deny  deny.CHANNEL  deny.CHANNEL.PURPOSE: a flag that says "do not contact"
	//	withdrawn: a flag that says "deleted"
	//	attributes.NAME  ext.NAME  ignore
	Columns map[string]string `yaml:"columns" json:"columns,omitempty"`
}

// ReadMapping reads a mapping file: YAML with the fields of [Mapping]. Unknown
// fields are errors.
func ReadMapping(r io.Reader) (Mapping, error) {
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return Mapping{}, fmt.Errorf("read mapping: %w", err)
	}
	var m Mapping
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&m); err != nil {
		return Mapping{}, fmt.Errorf("read mapping: %s: %w", strings.ReplaceAll(err.Error(), "\n", " "), events.ErrInvalid)
	}
	return m, m.Validate()
}

// With gives the mapping with one more column=target, as given on a command line.
func (m Mapping) With(assignment string) (Mapping, error) {
	column, to, ok := strings.Cut(assignment, "=")
	if column = strings.TrimSpace(column); !ok || column == "" {
		return m, fmt.Errorf("read mapping %q: want column=target: %w", assignment, events.ErrInvalid)
	}
	if _, err := parseTarget(to); err != nil {
		return m, err
	}
	m.Columns = maps.Clone(m.Columns)
	if m.Columns == nil {
		m.Columns = make(map[string]string)
	}
	m.Columns[column] = strings.TrimSpace(to)
	return m, nil
}

// Validate says what cannot be used; the error wraps events.ErrInvalid.
func (m Mapping) Validate() error {
	switch {
	case m.Preset != "" && m.Preset != PresetSenzing:
		return fmt.Errorf("check mapping: there is no preset %q: %w", m.Preset, events.ErrInvalid)
	case m.Kind != "" && m.Kind != events.Person && m.Kind != events.Organization:
		return fmt.Errorf("check mapping: kind is person or organization: %w", events.ErrInvalid)
	case m.Mode != "" && m.Mode != events.ModeFull && m.Mode != events.ModePatch:
		return fmt.Errorf("check mapping: mode is patch or full: %w", events.ErrInvalid)
	case m.Region != "" && (len(m.Region) != 2 || strings.ToUpper(m.Region) != m.Region):
		return fmt.Errorf("check mapping: region is a code of two capitals, such as GT: %w", events.ErrInvalid)
	}
	if _, err := m.zone(); err != nil {
		return err
	}
	for _, column := range slices.Sorted(maps.Keys(m.Columns)) {
		if _, err := parseTarget(m.Columns[column]); err != nil {
			return fmt.Errorf("check mapping of column %q: %w", column, err)
		}
	}
	return nil
}

func (m Mapping) zone() (*time.Location, error) {
	if m.TimeZone == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("check mapping: there is no time zone %q: %w", m.TimeZone, events.ErrInvalid)
	}
	return zone, nil
}

// Revision is a hash of the mapping's content: equal mappings, equal revisions.
func (m Mapping) Revision() string {
	b, err := json.Marshal(m) // map keys are sorted
	if err != nil {
		return ""
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8])
}

// label is what the import's events call the mapping.
func (m Mapping) label() string { return orElse(m.Name, orElse(m.Preset, "columns")) }

// router decides where columns go: as mapped, else by name, each single field
// from one column only.
type router struct {
	mapped     map[string]target
	recognised *recogniser
	keep       bool
	exclusive  bool              // of columns of one meaning only the first counts: a table's
	seen       map[string]target // column → target, decided once
	taken      map[target]bool
}

// maxSeen bounds how many columns a router remembers and lists.
const maxSeen = 5000

func (m Mapping) router() *router {
	r := &router{mapped: make(map[string]target), recognised: newRecogniser(), keep: m.KeepUnmapped, seen: make(map[string]target), taken: make(map[target]bool)}
	for column, to := range m.Columns {
		if t, err := parseTarget(to); err == nil { // Validate came before
			r.mapped[column] = t
			r.taken[t] = true
		}
	}
	return r
}

// route gives the column's target; the same one every time.
func (r *router) route(column string) target {
	if t, ok := r.seen[column]; ok {
		return t
	}
	t := r.decide(column)
	if len(r.seen) < maxSeen {
		r.seen[column] = t
	}
	return t
}

func (r *router) decide(column string) target {
	if t, ok := r.mapped[column]; ok {
		return t
	}
	if t, ok := r.recognised.target(column); ok && (!r.exclusive || repeats(t.field) || !r.taken[t]) {
		r.taken[t] = true
		return t
	}
	if r.keep && column != "" && len(column) <= 200 {
		return target{field: extension, arg: column}
	}
	return target{}
}

// repeats says whether several columns may go to one target: lines of an
// address, several flags.
func repeats(f field) bool {
	switch f {
	case addressLine, phoneValue, emailValue, denyFlag, tags:
		return true
	}
	return false
}

// lists gives the columns for the summary.
func (r *router) lists() (mapped map[string]string, ignoredColumns []string) {
	mapped = make(map[string]string)
	for column, t := range r.seen {
		if t.field == ignored {
			ignoredColumns = append(ignoredColumns, column)
		} else {
			mapped[column] = t.String()
		}
	}
	slices.Sort(ignoredColumns)
	return mapped, ignoredColumns
}
