package oracletest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/text"
)

// stated is a field's value and when it was set.
type stated struct {
	value any
	at    time.Time
}

// source is a source record: its fields, attributes as "attributes.name".
type source struct {
	key    events.RecordKey
	live   bool
	fields map[string]stated
	pins   map[string]pinned // by attribute, those that were taken back too
	speaks *source           // of what a pin states: the record that it hangs on
}

// claim is what one record says of an attribute.
type claim struct {
	value    any
	form     string
	from     events.RecordKey
	at       time.Time
	pinned   int
	verified int
	complete int
}

// Golden gives the lines of golden.Content for a log of valid events: one for
// each customer that has a live record.
func Golden(evs []events.Envelope) ([]string, error) {
	sources, err := sourcesOf(evs)
	if err == nil {
		err = pin(evs, sources)
	}
	if err != nil {
		return nil, err
	}
	groups, err := groupsOf(evs, sources)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, g := range groups {
		line, err := lineOf(g)
		if err != nil {
			return nil, err
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// sourcesOf sorts the statements about each record and sets field after field.
func sourcesOf(evs []events.Envelope) (map[uuid.UUID]*source, error) {
	type statement struct {
		events.Envelope
		stamp events.Stamp
		data  map[string]any
	}
	all := map[events.RecordKey][]statement{}
	for _, e := range evs {
		if e.Type != events.CustomerRecordedV1 && e.Type != events.CustomerWithdrawnV1 {
			continue
		}
		st := statement{Envelope: e}
		var about struct{ Record events.Record }
		if err := json.Unmarshal(e.Data, &about); err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		if err := json.Unmarshal(e.Data, &st.data); err != nil {
			return nil, fmt.Errorf("read statement: %w", err)
		}
		st.stamp = events.StampOf(e, about.Record.Revision)
		k := about.Record.Normal()
		all[k] = append(all[k], st)
	}
	sources := map[uuid.UUID]*source{}
	for k, sts := range all {
		slices.SortFunc(sts, func(a, b statement) int { return a.stamp.Compare(b.stamp) })
		s := &source{key: k, fields: map[string]stated{}}
		for _, st := range sts {
			s.live = st.Type == events.CustomerRecordedV1
			if s.live {
				s.set(st.data, st.Time)
			}
		}
		sources[k.UUID()] = s
	}
	return sources, nil
}

func (s *source) set(data map[string]any, at time.Time) {
	if data["mode"] == "full" {
		clear(s.fields)
	}
	for name, v := range data {
		if name == "record" || name == "mode" || name == "ext" {
			continue
		}
		if keys, ok := v.(map[string]any); ok && name == "attributes" {
			for k, v := range keys {
				s.setOne("attributes."+k, v, at)
			}
			continue
		}
		if name == "attributes" { // null
			for f := range s.fields {
				if strings.HasPrefix(f, "attributes.") {
					delete(s.fields, f)
				}
			}
			continue
		}
		s.setOne(name, v, at)
	}
}

func (s *source) setOne(name string, v any, at time.Time) {
	delete(s.fields, name)
	if v != nil {
		s.fields[name] = stated{v, at}
	}
}

// groupsOf puts each record into the group of the last decision that names it.
func groupsOf(evs []events.Envelope, sources map[uuid.UUID]*source) ([][]*source, error) {
	group := map[uuid.UUID]string{}
	for id := range sources {
		group[id] = id.String()
	}
	for n, e := range evs {
		if e.Type != events.IdentityResolvedV1 {
			continue
		}
		var d events.IdentityResolved
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil, fmt.Errorf("read decision: %w", err)
		}
		for i, g := range d.Groups {
			for _, m := range g {
				group[m.Record] = fmt.Sprintf("%d/%d", n, i)
			}
		}
	}
	byName := map[string][]*source{}
	for id, name := range group {
		byName[name] = append(byName[name], sources[id])
	}
	var groups [][]*source
	for _, g := range byName {
		slices.SortFunc(g, func(a, b *source) int { return a.key.Compare(b.key) })
		groups = append(groups, g)
	}
	return groups, nil
}

func lineOf(group []*source) (string, error) {
	var live []*source
	records := []string{}
	for _, s := range group {
		if s.live {
			live = append(live, s)
			records = append(records, s.key.String())
		}
	}
	if len(live) == 0 {
		return "", nil
	}
	live = append(live, spokenFor(group)...)
	const names, documents, phones, emails = "names", "documents", "phones", "emails"
	recent := []string{"recent", "frequent"}
	lasting := []string{"complete", "frequent", "recent"}
	line := map[string]any{
		"records": records, "kind": first(claims(live, "kind", nil), recent), "names": unionOf(live, names, readName, "complete", "recent", "frequent"),
		"documents": unionOf(live, documents, readDocument, "complete", "recent"), "phones": unionOf(live, phones, readPhone, "recent"),
		"emails": unionOf(live, emails, readEmail, "verified", "recent"), "handles": unionOf(live, "handles", readHandle, "recent"),
		"tags": unionOf(live, "tags", readTag), "relations": unionOf(live, "relations", readRelation), "addresses": addresses(live),
	}
	single := map[string]any{}
	for name, order := range map[string][]string{"birth_date": lasting, "gender": lasting, "nationality": lasting, "death_date": {"complete", "recent", "frequent"},
		"language": recent, "lifecycle": recent, "segment": recent, "tier": recent, "organization": recent, "vip": recent, "preferences": recent} {
		if v := first(claims(live, name, nil), order); v != nil {
			single[name] = v
		}
	}
	line["single"] = single
	attributes := map[string]any{}
	for _, s := range live {
		for f := range s.fields {
			if name, ok := strings.CutPrefix(f, "attributes."); ok {
				attributes[name] = first(claims(live, f, nil), recent)
			}
		}
	}
	line["attributes"] = attributes
	line["display_name"] = displayName(line, single)
	return Canonical(line)
}

// flat writes text as it is and everything else as JSON.
func flat(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func displayName(line map[string]any, single map[string]any) any {
	for _, field := range []string{"names", "emails", "phones"} {
		if field == "emails" && single["organization"] != nil {
			return single["organization"]
		}
		if vs := line[field].([]any); len(vs) > 0 {
			return vs[0]
		}
	}
	if vs := line["handles"].([]any); len(vs) > 0 {
		return vs[0].(map[string]any)["handle"]
	}
	return ""
}

// claims gives what each record says of a field; read (nil: the value itself)
// turns one stated value into a claim, or none.
func claims(live []*source, field string, read func(*source, map[string]any) *claim) []claim {
	var out []claim
	add := func(s *source, c *claim) {
		if c != nil {
			c.from, c.at = s.key, s.fields[field].at
			if s.speaks != nil {
				c.pinned = 1
			}
			out = append(out, *c)
		}
	}
	for _, s := range live {
		st, ok := s.fields[field]
		if !ok || st.value == "" {
			continue
		}
		if read == nil {
			add(s, &claim{value: st.value, form: flat(st.value), complete: weight(field, flat(st.value))})
			continue
		}
		for _, v := range st.value.([]any) {
			m, ok := v.(map[string]any)
			if !ok {
				m = map[string]any{"": v}
			}
			add(s, read(s, m))
		}
	}
	return out
}

func weight(field, v string) int {
	switch {
	case field == "gender" && v == "unknown", strings.HasSuffix(field, "_date") && strings.HasPrefix(v, "1900"):
		return 0
	}
	if field == "gender" {
		return 1
	}
	return len(v)
}

// first gives the value of the best claim, nil without claims.
func first(cs []claim, order []string) any {
	if len(cs) == 0 {
		return nil
	}
	return sorted(cs, order)[0].value
}

// sorted orders claims from the best on.
func sorted(cs []claim, order []string) []claim {
	frequency := func(form string) int {
		from := map[events.RecordKey]bool{}
		for _, c := range cs {
			if c.form == form {
				from[c.from] = true
			}
		}
		return len(from)
	}
	out := slices.Clone(cs)
	slices.SortFunc(out, func(a, b claim) int {
		if a.pinned != b.pinned {
			return b.pinned - a.pinned
		}
		for _, rule := range order {
			by := map[string]int{"verified": cmp.Compare(b.verified, a.verified), "complete": cmp.Compare(b.complete, a.complete),
				"recent": b.at.Compare(a.at), "frequent": cmp.Compare(frequency(b.form), frequency(a.form))}
			if by[rule] != 0 {
				return by[rule]
			}
		}
		return cmp.Or(strings.Compare(a.form, b.form), b.at.Compare(a.at), a.from.Compare(b.from))
	})
	return out
}

// unionOf gives every form once, the best one first.
func unionOf(live []*source, field string, read func(*source, map[string]any) *claim, order ...string) []any {
	out, seen := []any{}, map[string]bool{}
	for _, c := range sorted(claims(live, field, read), order) {
		if !seen[c.form] {
			seen[c.form] = true
			out = append(out, c.value)
		}
	}
	return out
}

// addresses gives those of the record whose best one says most.
func addresses(live []*source) any {
	var cs []claim
	for _, s := range live {
		st, ok := s.fields["addresses"]
		list, _ := st.value.([]any)
		if !ok || len(list) == 0 || s.speaks != nil {
			continue
		}
		c := claim{value: list, from: s.key, at: st.at}
		var forms []string
		for _, v := range list {
			c.complete = max(c.complete, len(addressParts(v)))
			forms = append(forms, addressForm(v))
		}
		slices.Sort(forms)
		c.form = strings.Join(forms, "\n")
		cs = append(cs, c)
	}
	return pinnedFirst(live, first(cs, []string{"complete", "recent", "frequent"}))
}

// pinnedFirst puts a pinned address before those of a record.
func pinnedFirst(live []*source, of any) any {
	out, forms := []any{}, map[string]bool{}
	list, _ := of.([]any)
	for _, s := range live {
		if st, ok := s.fields["addresses"]; ok && s.speaks != nil {
			list = append(slices.Clone(st.value.([]any)), list...)
			forms[addressForm(st.value.([]any)[0])] = true
		}
	}
	for i, v := range list {
		if i == 0 || !forms[addressForm(v)] {
			out = append(out, v)
		}
	}
	return out
}

func addressForm(v any) string { return text.Fold(strings.Join(addressParts(v), " ")) }

func addressParts(v any) []string {
	m := v.(map[string]any)
	var parts []string
	for _, f := range []string{"street", "number", "unit", "locality", "region", "postal_code", "country"} {
		if p, _ := m[f].(string); p != "" {
			parts = append(parts, p)
		}
	}
	lines, _ := m["lines"].([]any)
	for _, l := range lines {
		parts = append(parts, l.(string))
	}
	return parts
}
