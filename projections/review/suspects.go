package review

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// refreshSuspects looks at the marked customers again.
func (t *turn) refreshSuspects() {
	for _, c := range slices.SortedFunc(maps.Keys(t.suspects), compareIDs) {
		t.refreshSuspect(c)
	}
}

func (t *turn) refreshSuspect(customer uuid.UUID) {
	now := t.suspicion(customer)
	r := t.record(customer)
	if !r.suspect && now == nil {
		return
	}
	var old *Suspect
	if r.suspect {
		old, _ = readJSON[Suspect](t, tableSuspects, prefixed(suspectRow, customer[:]))
	}
	r.suspect = now != nil
	if old != nil && (now == nil || now.Score != old.Score) {
		t.w.Delete(tableSuspects, scoreKey(old))
	}
	if now == nil {
		t.w.Delete(tableSuspects, prefixed(suspectRow, customer[:]))
		return
	}
	now.Since, now.Version = t.e.RecordedTime.UTC(), t.at
	if old != nil {
		now.Since = old.Since
		if now.same(old) {
			return
		}
	}
	t.putJSON(tableSuspects, prefixed(suspectRow, customer[:]), now)
	t.w.Put(tableSuspects, scoreKey(now), []byte{})
}

func (s *Suspect) same(o *Suspect) bool {
	return s.Score == o.Score && slices.Equal(s.Records, o.Records) && sameLink(s.Weakest, o.Weakest) &&
		slices.EqualFunc(s.Reasons, o.Reasons, func(a, b SuspectReason) bool {
			return a.Code == b.Code && a.Score == b.Score && slices.Equal(a.Records, b.Records)
		})
}

func sameLink(a, b *events.IdentityLink) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.A == b.A && a.B == b.B && a.Weight == b.Weight
}

// scoreKey sorts suspects from the highest score to the lowest.
func scoreKey(s *Suspect) []byte {
	return prefixed(suspectScore, binary.BigEndian.AppendUint64(nil, ^uint64(s.Score)), s.Customer[:])
}

// suspicion gives what speaks against a customer now, nil for nothing: an id that
// is no customer's any more, one live record, or a person who said that all the
// live records are one.
func (t *turn) suspicion(customer uuid.UUID) *Suspect {
	if _, grouped := t.golden.Grouped(customer); !grouped || !t.isCustomer(customer) {
		return nil
	}
	row, _ := t.golden.Row(customer)
	p, err := readPerson(row.Document)
	if err != nil { // golden's to see to
		return nil
	}
	live := p.live()
	if len(live) < 2 || t.vouched(live) {
		return nil
	}
	s := suspect(customer, p, t.bondsOf(customer, p))
	if len(s.Reasons) == 0 {
		return nil
	}
	return &s
}

// bondsOf gives what holds a customer together: as the decision says that is
// folded, if golden took it, else as golden holds it.
func (t *turn) bondsOf(customer uuid.UUID, p *person) bonds {
	d, ok := t.bonds[customer]
	ok = ok && len(d.records) == len(p.Records)
	for i := range p.Records {
		ok = ok && contains(d.records, p.Records[i].ID)
	}
	if ok {
		return d.bonds
	}
	members := t.membersOf(customer)
	b := bonds{links: t.golden.Links(members)}
	for _, m := range members {
		for _, l := range t.potentialOf(m) {
			if isConflictWithin(members, l) {
				b.conflicts = append(b.conflicts, l)
			}
		}
	}
	return b
}

// isConflictWithin says whether a potential match is a left out verdict about two
// of the given records.
func isConflictWithin(records []uuid.UUID, l events.IdentityLink) bool {
	return l.RefusedBy == CodeVerdictConflict && contains(records, l.A) && contains(records, l.B)
}

// vouched says whether a `same` verdict in force names all the records in one set.
func (t *turn) vouched(records []uuid.UUID) bool {
	return slices.ContainsFunc(t.inForce([][]uuid.UUID{records[:1]}), func(j *Judgement) bool {
		return j.Verdict == events.VerdictSame && slices.ContainsFunc(j.Sets, func(set []uuid.UUID) bool {
			for _, r := range records {
				if !slices.Contains(set, r) {
					return false
				}
			}
			return true
		})
	})
}
