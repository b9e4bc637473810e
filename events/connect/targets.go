package connect

import (
	"fmt"
	"strings"

	"ficha/events"
)

// field is what part of a record a value goes to.
type field uint8

const (
	ignored field = iota
	nativeID
	revision
	when
	kindOf
	nameGiven
	nameMiddle
	nameFamily
	nameFamily2
	nameFull
	namePrefix
	nameSuffix
	nameUse
	nameOrganization // the record is of an organisation of this name
	birthDate
	deathDate
	gender
	phoneValue
	phoneUse
	phoneRegion
	phoneExtension
	emailValue
	emailUse
	documentNumber
	documentKind
	documentCountry
	addressLine
	addressStreet
	addressNumber
	addressUnit
	addressLocality
	addressRegion
	addressPostal
	addressCountry
	addressUse
	handleValue
	handleNetwork
	language
	nationality
	lifecycle
	segment
	tier
	vip
	tags
	organization
	createdAt
	modifiedAt
	denyFlag
	withdrawnFlag
	attribute
	extension
)

// target is where the values of a column go.
type target struct {
	field field
	// group keeps what belongs to one phone, address, … of several apart: a use,
	// or the number in the column's name.
	group string
	arg   string // documents: kind; handles: network; deny: channel.purpose; attributes, ext: name; phones, emails, addresses: use
}

func (t target) personal() bool {
	return t.field == phoneValue || t.field == emailValue || t.field == documentNumber
}

// targetFields are the names that mappings use, without group and argument.
var targetFields = map[string]field{
	"ignore": ignored, "id": nativeID, "revision": revision, "time": when, "kind": kindOf,
	"names.given": nameGiven, "names.middle": nameMiddle, "names.family": nameFamily, "names.family2": nameFamily2, "names.full": nameFull,
	"names.prefix": namePrefix, "names.suffix": nameSuffix, "names.use": nameUse, "names.organization": nameOrganization,
	"birth_date": birthDate, "death_date": deathDate, "gender": gender,
	"phones": phoneValue, "phones.value": phoneValue, "phones.use": phoneUse, "phones.region": phoneRegion, "phones.extension": phoneExtension,
	"emails": emailValue, "emails.value": emailValue, "emails.use": emailUse,
	"documents": documentNumber, "documents.number": documentNumber, "documents.kind": documentKind, "documents.country": documentCountry,
	"addresses": addressLine, "addresses.line": addressLine, "addresses.lines": addressLine, "addresses.street": addressStreet, "addresses.number": addressNumber,
	"addresses.unit": addressUnit, "addresses.locality": addressLocality, "addresses.region": addressRegion, "addresses.postal_code": addressPostal,
	"addresses.country": addressCountry, "addresses.use": addressUse,
	"handles": handleValue, "handles.handle": handleValue, "handles.network": handleNetwork,
	"language": language, "nationality": nationality, "lifecycle": lifecycle, "segment": segment, "tier": tier, "vip": vip, "tags": tags,
	"organization": organization, "created_at": createdAt, "modified_at": modifiedAt, "deny": denyFlag, "withdrawn": withdrawnFlag,
}

// parseTarget reads a target as [Mapping.Columns] describes them.
func parseTarget(s string) (target, error) {
	s = strings.TrimSpace(s)
	if f, ok := targetFields[s]; ok {
		return target{field: f}, nil
	}
	head, rest, ok := strings.Cut(s, ".")
	if !ok || rest == "" || len(s) > 200 {
		return target{}, fmt.Errorf("read target %q: there is no such field: %w", s, events.ErrInvalid)
	}
	switch head {
	case "phones":
		return target{field: phoneValue, group: rest, arg: rest}, nil
	case "emails":
		return target{field: emailValue, group: rest, arg: rest}, nil
	case "documents":
		return target{field: documentNumber, group: rest, arg: rest}, nil
	case "handles":
		return target{field: handleValue, group: rest, arg: rest}, nil
	case "deny":
		return target{field: denyFlag, arg: rest}, nil
	case "attributes":
		return target{field: attribute, arg: rest}, nil
	case "ext":
		return target{field: extension, arg: rest}, nil
	case "names", "addresses":
		if use, last, ok := strings.Cut(rest, "."); ok {
			if f, ok := targetFields[head+"."+last]; ok {
				return target{field: f, group: use, arg: use}, nil
			}
		}
	}
	return target{}, fmt.Errorf("read target %q: there is no such field: %w", s, events.ErrInvalid)
}

// String is the target as a mapping would write it.
func (t target) String() string {
	switch t.field {
	case attribute:
		return "attributes." + t.arg
	case extension:
		return "ext." + t.arg
	}
	name := ""
	for n, f := range targetFields {
		if f == t.field && (name == "" || len(n) < len(name) || len(n) == len(name) && n < name) {
			name = n
		}
	}
	if t.arg == "" {
		return name
	}
	if head, last, ok := strings.Cut(name, "."); ok && t.field != phoneValue && t.field != emailValue && t.field != documentNumber && t.field != handleValue {
		return head + "." + t.arg + "." + last
	}
	return name + "." + t.arg
}
