package connect

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ficha/events"
	"ficha/internal/contactpoint"
)

// mapper turns rows into events. It belongs to one goroutine.
type mapper struct {
	rules    *rules
	builder  builder
	router   *router
	columns  []string // of a CSV file
	targets  []target // of its columns
	hash     *hasher
	hashAll  bool // every id is hashed: the file's ids are personal
	source   string
	stream   string
	fileHash string
	run      string
	edition  string
	mapRev   string
	time     time.Time
	limits   Limits
}

// mapped is what a row became.
type mapped struct {
	events    []events.Envelope // the first is about the row's record, or the row's own CloudEvent
	notes     []rowError
	byContent bool // the event's id hangs on its content: again means unchanged
}

// row maps one row. An error is a *rowError: why the row is rejected.
func (m *mapper) row(r row) (mapped, error) {
	b := &m.builder
	b.reset()
	switch {
	case r.cells != nil:
		for i, v := range r.cells {
			b.put(m.targets[i], m.columns[i], v)
		}
	default:
		var object map[string]any
		dec := json.NewDecoder(bytes.NewReader(r.object))
		dec.UseNumber()
		if err := dec.Decode(&object); err != nil {
			return mapped{}, &rowError{Code: "invalid_json", Detail: "the row is not a JSON object"}
		}
		if isCloudEvent(object) {
			return m.cloudEvent(r.object)
		}
		if err := m.object(object); err != nil {
			return mapped{}, err
		}
	}
	b.finish()
	return m.record(r)
}

// object takes an object's values in.
func (m *mapper) object(object map[string]any) error {
	if m.rules.mapping.Preset == PresetSenzing {
		m.senzing(object)
		return nil
	}
	left := m.limits.Columns
	return walk("", object, 0, func(path, value string) error {
		if left--; left < 0 {
			return &rowError{Code: "too_many_columns", Detail: "the object has more values than a row may have"}
		}
		m.builder.put(m.router.route(path), path, value)
		return nil
	})
}

// maxDepth is how deep an object may be nested.
const maxDepth = 16

// walk visits an object's values in the order of their names; paths are joined by dots.
func walk(path string, v any, depth int, visit func(path, value string) error) error {
	if depth > maxDepth {
		return &rowError{Code: "too_deep", Detail: "the object is nested too deep"}
	}
	below := func(key string, x any) error {
		if path != "" {
			key = path + "." + key
		}
		return walk(key, x, depth+1, visit)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := below(key, v[key]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for i, x := range v {
			if err := below(strconv.Itoa(i), x); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(path, scalar(v))
}

func isCloudEvent(object map[string]any) bool {
	for _, name := range [...]string{"specversion", "type", "data"} {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

// cloudEvent passes an event as it is; the gateway judges it.
func (m *mapper) cloudEvent(text []byte) (mapped, error) {
	var e events.Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return mapped{}, &rowError{Code: "invalid_envelope", Detail: "an attribute of the event has not its type"}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, e.Data); err != nil || compact.Len() == 0 {
		return mapped{}, &rowError{Code: "invalid_envelope", Pointer: "/data", Detail: "the event has no data"}
	}
	e.Data = compact.Bytes()
	if e.CorrelationID == "" {
		e.CorrelationID = m.run
	}
	return mapped{events: []events.Envelope{e}}, nil
}

// record makes the events of a row whose cells are in the builder.
func (m *mapper) record(r row) (mapped, error) {
	b := &m.builder
	if !b.said && !b.withdrawn && len(b.denials) == 0 {
		return mapped{}, &rowError{Code: "nothing_mapped", Detail: "no column of the row says anything about a customer"}
	}
	if len(b.id) > 256 {
		return mapped{}, &rowError{Code: "id_too_long", Detail: "the id is longer than 256 bytes"}
	}
	source := m.source
	if b.subSource != "" {
		source += "/" + b.subSource
	}
	key := events.RecordKey{Source: source, Stream: m.stream, ID: m.nativeID(source, r)}
	b.rec.Record = events.Record{RecordKey: key, Revision: b.revision}
	base := events.Envelope{
		Source: source, SpecVersion: "1.0", Subject: key.Stream + ":" + key.ID, Time: m.timeOf(r),
		CorrelationID: m.run, MapName: m.rules.mapping.label(), MapRev: m.mapRev,
	}
	out := mapped{notes: slices.Clone(b.notes), byContent: b.revision == nil}
	first, err := m.about(base, key)
	if err != nil {
		return mapped{}, err
	}
	out.events = append(out.events, first)
	for _, d := range b.denials {
		e, err := m.deny(base, key, d)
		if err != nil {
			return mapped{}, err
		}
		out.events = append(out.events, e)
	}
	return out, nil
}

// timeOf is the row's own time, else the file's with the row's number in
// nanoseconds: of two rows about one record the later one holds.
func (m *mapper) timeOf(r row) time.Time {
	if !m.builder.at.IsZero() {
		return m.builder.at
	}
	return m.time.Add(time.Duration(r.n))
}

// nativeID gives the record's id: as it is, hashed where it is personal, made
// of file, number and content where the row has none.
func (m *mapper) nativeID(source string, r row) string {
	b := &m.builder
	id := oneLine(b.id)
	switch {
	case id == "":
		return "row-" + m.hash.id("row", source, m.stream, m.fileHash, strconv.FormatInt(r.n, 10), content(r))
	case m.hashAll, personalShape(id), personalAmong(id, b.personal()):
		return "h-" + m.hash.id("id", source, m.stream, id)
	}
	return id
}

// content is the row's own text, for ids of rows that have none.
func content(r row) string {
	if r.cells != nil {
		return strings.Join(r.cells, "\x1f")
	}
	return string(r.object)
}

// about makes the event about the record: what it says, or that it is gone.
func (m *mapper) about(e events.Envelope, key events.RecordKey) (events.Envelope, error) {
	b := &m.builder
	e.Type = events.CustomerRecordedV1
	var payload any = &b.rec
	if b.withdrawn {
		e.Type = events.CustomerWithdrawnV1
		payload = events.CustomerWithdrawn{Record: b.rec.Record, Reason: "deleted"}
	}
	data, err := json.Marshal(payload)
	if err != nil {
		return e, &rowError{Code: "unencodable", Detail: "the row's values cannot be written as JSON"}
	}
	e.Data = data
	if b.revision != nil {
		e.ID = m.hash.id("revision", string(e.Type), key.Source, key.Stream, key.ID, strconv.FormatInt(*b.revision, 10))
	} else {
		own := ""
		if !b.at.IsZero() {
			own = b.at.Format(time.RFC3339Nano)
		}
		e.ID = m.hash.id("content", string(e.Type), key.Source, key.Stream, key.ID, own, m.edition, string(data))
	}
	return e, nil
}

// deny makes the statement that a flag stands for: as of the row's time, or the
// file's, the source says no. It binds the record and the row's contact points of
// the channel. A row that did not change since states nothing new; an export
// without times states anew what stands in it, since an allow may have come
// between and the source knows better.
func (m *mapper) deny(e events.Envelope, key events.RecordKey, d denial) (events.Envelope, error) {
	channel, purpose, _ := strings.Cut(d.scope, ".")
	s := events.ContactStated{
		Choice: events.Deny, Records: []events.RecordKey{key}, StatedAt: e.Time.UTC().Format(time.RFC3339Nano),
		Via: events.Via{System: key.Source}, Reason: orElse(d.reason, "flag in the source's record"), ContactPoints: m.points(channel),
	}
	if channel != "" {
		s.Scope.Channels = []string{channel}
	}
	if purpose != "" {
		s.Scope.Purposes = []string{purpose}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return e, &rowError{Code: "unencodable", Detail: "the row's values cannot be written as JSON"}
	}
	e.Type, e.Data = events.ContactStatedV1, data
	e.ID = m.hash.id("deny", key.Source, key.Stream, key.ID, string(data))
	return e, nil
}

// points gives the row's contact points that a channel uses; all for no channel.
func (m *mapper) points(channel string) []events.ContactPoint {
	var out []events.ContactPoint
	if channel != "email" && channel != "letter" && channel != "fax" {
		for _, p := range m.builder.rec.Phones {
			out = append(out, events.ContactPoint{Phone: international(p)})
		}
	}
	if channel == "" || channel == "email" {
		for _, e := range m.builder.rec.Emails {
			out = append(out, events.ContactPoint{Email: e.Value})
		}
	}
	return out
}

// international writes a phone so that it can be read without its region, which
// a contact point does not carry.
func international(p events.Phone) string {
	if point, ok := contactpoint.Phone(p.Value, p.Region); ok && point.Readable {
		return point.Value
	}
	return p.Value
}
