package golden

import (
	"encoding/json"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections"
)

// Grouped gives the customer of a record that decisions have named with others.
// False: none has, the record is a customer of its own.
func (f Folded) Grouped(record uuid.UUID) (uuid.UUID, bool) {
	m := membershipOf(f.Work, record)
	return m.customer, m.written
}

// Potential gives the pairs of a record that wait for a verdict, by the other
// one's uuid: what PotentialMatches gives.
func (f Folded) Potential(record uuid.UUID) []events.IdentityLink {
	return f.links(potentialMatches, record)
}

// Links gives the evidence that holds the given records together. They must be
// all the records of one customer, as Members gives them.
func (f Folded) Links(members []uuid.UUID) []events.IdentityLink {
	var out []events.IdentityLink
	for _, m := range members {
		out = append(out, f.links(identityLinks, m)...)
	}
	return out
}

// links leaves out a row that does not read as the fold wrote it: a fold is
// total, and what stands in such a row nobody can say.
func (f Folded) links(t projections.Table, record uuid.UUID) []events.IdentityLink {
	var out []events.IdentityLink
	f.Work.Scan(t, projections.Prefix(record[:]), func(row projections.Row) bool {
		var l events.IdentityLink
		if json.Unmarshal(row.Value, &l) == nil {
			out = append(out, l)
		}
		return true
	})
	return out
}
