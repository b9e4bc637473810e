package connect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// senzingTargets maps the attributes of Senzing's published JSON format. A
// prefix before an attribute (HOME_PHONE_NUMBER) is its use.
var senzingTargets = map[string]string{
	"RECORD_ID": "id", "RECORD_TYPE": "kind", "NAME_FULL": "names.full", "NAME_ORG": "names.organization", "NAME_FIRST": "names.given", "NAME_MIDDLE": "names.middle", "NAME_LAST": "names.family",
	"NAME_PREFIX": "names.prefix", "NAME_SUFFIX": "names.suffix", "NAME_TYPE": "names.use", "DATE_OF_BIRTH": "birth_date", "DATE_OF_DEATH": "death_date", "GENDER": "gender",
	"ADDR_FULL": "addresses.line", "ADDR_LINE1": "addresses.line", "ADDR_LINE2": "addresses.line", "ADDR_LINE3": "addresses.line", "ADDR_LINE4": "addresses.line", "ADDR_CITY": "addresses.locality",
	"ADDR_STATE": "addresses.region", "ADDR_POSTAL_CODE": "addresses.postal_code", "ADDR_COUNTRY": "addresses.country", "ADDR_TYPE": "addresses.use", "PHONE_NUMBER": "phones", "PHONE_TYPE": "phones.use",
	"EMAIL_ADDRESS": "emails", "PASSPORT_NUMBER": "documents.passport", "PASSPORT_COUNTRY": "documents.country", "SSN_NUMBER": "documents.ssn", "DRIVERS_LICENSE_NUMBER": "documents.driver_license",
	"NATIONAL_ID_NUMBER": "documents.number", "NATIONAL_ID_TYPE": "documents.kind", "NATIONAL_ID_COUNTRY": "documents.country", "TAX_ID_NUMBER": "documents.tax_id", "TAX_ID_COUNTRY": "documents.country",
	"OTHER_ID_NUMBER": "documents.other", "OTHER_ID_COUNTRY": "documents.country", "LEI_NUMBER": "documents.lei", "NATIONALITY": "nationality", "CITIZENSHIP": "nationality", "EMPLOYER": "organization", "EMPLOYER_NAME": "organization",
	"PLACE_OF_BIRTH": "attributes.place_of_birth", "WHATSAPP": "handles.whatsapp", "FACEBOOK": "handles.facebook", "TWITTER": "handles.x", "LINKEDIN": "handles.linkedin", "INSTAGRAM": "handles.instagram", "TELEGRAM": "handles.telegram",
}

// senzing reads an object of that format: attributes at the top and in lists of
// groups, whatever the lists are called. One group is one name, address, phone …
func (m *mapper) senzing(object map[string]any) {
	b := &m.builder
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch v := object[key].(type) {
		case []any:
			for i, group := range v {
				if attributes, ok := group.(map[string]any); ok {
					m.senzingGroup(attributes, key+strconv.Itoa(i))
				}
			}
		default:
			if key == "DATA_SOURCE" {
				b.subSource = slug(scalar(v))
				continue
			}
			m.senzingAttribute(key, scalar(v), "")
		}
	}
}

func (m *mapper) senzingGroup(attributes map[string]any, group string) {
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		m.senzingAttribute(key, scalar(attributes[key]), group)
	}
}

// senzingAttribute takes one attribute in, with the group that it stands in.
func (m *mapper) senzingAttribute(key, value, group string) {
	to := m.senzingTarget(key)
	if to.field == nameUse || to.field == addressUse || to.field == phoneUse {
		value = strings.ToLower(value)
	}
	to.group = group + to.group
	if to.field >= documentNumber && to.field <= documentCountry {
		to.group = group + key[:strings.LastIndexByte(key, '_')+1]
	}
	m.builder.put(to, key, value)
}

// senzingTarget finds an attribute, with or without a use before it; the same
// target every time.
func (m *mapper) senzingTarget(key string) target {
	if t, ok := m.router.seen[key]; ok {
		return t
	}
	t := findSenzing(key)
	if t.field == ignored && m.rules.mapping.KeepUnmapped && key != "" && len(key) <= 200 {
		t = target{field: extension, arg: key}
	}
	if len(m.router.seen) < maxSeen {
		m.router.seen[key] = t
	}
	return t
}

func findSenzing(key string) target {
	name, use := key, ""
	for {
		if s, ok := senzingTargets[name]; ok {
			if t, err := parseTarget(s); err == nil { // a test holds every entry to parse
				t.group = use
				return t
			}
		}
		head, rest, ok := strings.Cut(name, "_")
		if !ok {
			return target{}
		}
		use, name = use+strings.ToLower(head), rest
	}
}

// slug is a data source's name as part of a source: small letters, digits, dashes.
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, s)
	return strings.Trim(s[:min(len(s), 40)], "-.")
}

// scalar is a JSON value as a cell: texts as they are, others as written.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}
