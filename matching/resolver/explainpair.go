package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/matching"
)

// PairExplanation says what two records weigh together and why they are, or are
// not, one customer now.
type PairExplanation struct {
	A, B uuid.UUID
	// Evidence has no rows where the two cannot be compared: one is withdrawn, or they
	// are of different kinds.
	Evidence matching.Explanation
	Together bool    // one customer now
	Causes   []Cause // never empty; what decides first
	Position events.Position
}

// Code names a cause. Codes never change their meaning.
type Code string

// The causes.
const (
	CauseOneCustomer    Code = "one_customer"        // Links lead from A to B
	CauseStated         Code = "stated_link"         // sources say that the two are one
	CauseVerdict        Code = "verdict"             // Event says Verdict of the two, and holds
	CauseOverruled      Code = "verdict_overruled"   // Event said Verdict of the two; a newer verdict says otherwise
	CauseConflict       Code = "verdict_conflict"    // Event said Verdict of the two; several newer ones together contradict it
	CauseVerdictBetween Code = "verdict_between"     // Event keeps the customers of the two apart over other records of theirs
	CauseWithdrawn      Code = "withdrawn"           // Record is live no more
	CauseDifferentKinds Code = "different_kinds"     // a person and an organization
	CauseNoSharedKey    Code = "no_shared_key"       // nothing to look one up by leads to the other: they are not compared; Keys of both
	CauseHotKeys        Code = "hot_keys_only"       // they share Keys, all of which too many records have
	CauseBelowReview    Code = "below_review"        // the evidence is too weak even for a potential match
	CauseReviewBand     Code = "review_band"         // a potential match: a person should decide
	CauseAttribute      Code = "exclusive_attribute" // one customer cannot differ in Attribute
	CauseMaxCluster     Code = "max_cluster"         // together the two groups would be too large for a machine to make
	CauseMean           Code = "mean_below_cut"      // the two groups as wholes do not agree enough
)

// Cause is one reason. Which fields are set is said at its Code.
type Cause struct {
	Code      Code
	Decides   bool // the two are together, or apart, because of it
	Record    uuid.UUID
	Links     []events.IdentityLink
	Event     events.EventID
	Verdict   events.Verdict
	Attribute string
	Keys      []Key
}

// Key is a blocking key of a record.
type Key struct {
	Record uuid.UUID
	matching.BlockingKey
}

// ExplainPair explains two records. The error wraps events.ErrNotFound where the
// hub never saw one of them, events.ErrInvalid where they are the same one,
// events.ErrUnavailable while the resolver is not ready, or ctx's error.
func (r *Resolver) ExplainPair(ctx context.Context, a, b uuid.UUID) (PairExplanation, error) {
	return r.ExplainStrongest(ctx, []uuid.UUID{a}, []uuid.UUID{b})
}

// ExplainStrongest explains of two sets of records, those of two customers say, the
// pair that weighs most: of those that matching compared, else, where it compared
// none, of the first hundred of each. Errors are as of ExplainPair; a pair of one and
// the same record does not count.
func (r *Resolver) ExplainStrongest(ctx context.Context, as, bs []uuid.UUID) (PairExplanation, error) {
	type answer struct {
		PairExplanation
		err error
	}
	said, err := ask(ctx, r, func(b *Book, at events.Position) answer {
		x, y, err := b.strongestOf(as, bs)
		if err != nil {
			return answer{err: err}
		}
		out := b.explainPair(x, y)
		out.Position = at
		return answer{PairExplanation: out}
	})
	if err == nil {
		err = said.err
	}
	if err != nil {
		return PairExplanation{}, fmt.Errorf("explain pair: %w", err)
	}
	return said.PairExplanation, nil
}

// maxCompared bounds the records of a set that are compared for a question.
const maxCompared = 100

// strongestOf chooses the pair that weighs most; of equals, and where none can be
// compared, the one with the smallest ids.
func (b *Book) strongestOf(as, bs []uuid.UUID) (x, y uuid.UUID, err error) {
	as, bs = sortIDs(slices.Clone(as)), sortIDs(slices.Clone(bs))
	for _, id := range slices.Concat(as, bs) {
		if b.members[id] == nil {
			return x, y, fmt.Errorf("record was never seen: %w", events.ErrNotFound)
		}
	}
	var best heaviest
	for _, a := range as {
		for other, said := range b.edges[a] {
			if _, in := slices.BinarySearchFunc(bs, other, compareIDs); in {
				best.offer(a, other, int64(said.weight))
			}
		}
	}
	if !best.found {
		for _, a := range as[:min(len(as), maxCompared)] {
			for _, c := range bs[:min(len(bs), maxCompared)] {
				best.offer(a, c, b.index.Score(a, c).Weight)
			}
		}
	}
	if !best.found {
		return x, y, fmt.Errorf("there are no two records: %w", events.ErrInvalid)
	}
	return best.x, best.y, nil
}

// heaviest is the heaviest of the pairs that it was offered.
type heaviest struct {
	x, y   uuid.UUID
	weight int64
	found  bool
}

func (h *heaviest) offer(x, y uuid.UUID, weight int64) {
	before := cmp.Or(cmp.Compare(h.weight, weight), compareIDs(x, h.x), compareIDs(y, h.y)) < 0
	if x != y && (!h.found || before) {
		*h = heaviest{x, y, weight, true}
	}
}

// explainPair gathers the evidence and the causes, those that decide first.
func (b *Book) explainPair(x, y uuid.UUID) PairExplanation {
	out := PairExplanation{A: x, B: y, Evidence: b.index.Explain(x, y), Together: b.members[x].group == b.members[y].group}
	add := func(cs ...Cause) { out.Causes = append(out.Causes, cs...) }
	add(b.withdrawnCauses(x, y)...)
	add(b.verdictCauses(x, y, out.Together)...)
	if b.statedBetween(x, y) {
		add(Cause{Code: CauseStated})
	}
	switch {
	case out.Together:
		add(Cause{Code: CauseOneCustomer, Links: b.chain(x, y)})
	case b.members[x].live && b.members[y].live:
		add(b.apartCauses(x, y, out.Evidence)...)
	}
	b.findDecisive(&out)
	slices.SortStableFunc(out.Causes, func(p, q Cause) int { return number(q.Decides) - number(p.Decides) })
	return out
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// findDecisive marks one cause as the one that decides, where none is so far:
// verdicts come before what sources state, that before evidence, in which a
// refusal comes before weights.
func (b *Book) findDecisive(out *PairExplanation) {
	order := []Code{CauseVerdictBetween, CauseWithdrawn, CauseStated, CauseOneCustomer}
	if !out.Together {
		order = []Code{CauseVerdictBetween, CauseWithdrawn, CauseDifferentKinds, CauseAttribute, CauseMaxCluster, CauseMean,
			CauseNoSharedKey, CauseHotKeys, CauseReviewBand, CauseBelowReview}
	}
	if slices.ContainsFunc(out.Causes, func(c Cause) bool { return c.Decides }) {
		return
	}
	for _, code := range order {
		if i := slices.IndexFunc(out.Causes, func(c Cause) bool { return c.Code == code }); i >= 0 {
			out.Causes[i].Decides = true
			return
		}
	}
}

func (b *Book) withdrawnCauses(x, y uuid.UUID) []Cause {
	var out []Cause
	for _, id := range []uuid.UUID{x, y} {
		if !b.members[id].live {
			out = append(out, Cause{Code: CauseWithdrawn, Record: id})
		}
	}
	return out
}

// verdictCauses lists the verdicts that name both records, newest first. The newest
// that holds decides, where it has its way: verdicts about withdrawn records wait.
func (b *Book) verdictCauses(x, y uuid.UUID, together bool) []Cause {
	var ids []events.EventID
	for id := range b.verdicts.byRecord[x] {
		if b.verdicts.byRecord[y][id] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(p, q events.EventID) int {
		return b.verdicts.byEvent[q].Stamp.Compare(b.verdicts.byEvent[p].Stamp)
	})
	var out []Cause
	decided := false
	for _, id := range ids {
		d := b.verdicts.byEvent[id]
		if d.What != events.VerdictUnsure && d.parts(x, y) == (d.What == events.VerdictSame) {
			continue // it names both, but says nothing of the two together
		}
		c := Cause{Code: b.codeOf(id, x), Event: id, Verdict: d.What}
		if c.Code == CauseVerdict && !decided && (d.What == events.VerdictSame) == together && d.What != events.VerdictUnsure {
			c.Decides, decided = b.members[x].live && b.members[y].live, true
		}
		out = append(out, c)
	}
	return out
}

func (b *Book) codeOf(id events.EventID, record uuid.UUID) Code {
	if s := b.verdicts.standingOf(record); s != nil {
		switch s.marks[id] {
		case overruled:
			return CauseOverruled
		case conflicted:
			return CauseConflict
		}
	}
	return CauseVerdict
}

// statedBetween says whether links stated by sources lead from x to y, directly or
// over records that are gone.
func (b *Book) statedBetween(x, y uuid.UUID) bool {
	found := false
	flood(map[uuid.UUID]bool{x: true}, b.stated[x], func(id uuid.UUID, on func(...uuid.UUID)) {
		if id == y {
			found = true
		} else if m := b.members[id]; m == nil || !m.live {
			on(b.stated[id]...)
		}
	})
	return found
}

// apartCauses says why two live records are in two groups.
func (b *Book) apartCauses(x, y uuid.UUID, evidence matching.Explanation) []Cause {
	if len(evidence.Rows) == 0 {
		return []Cause{{Code: CauseDifferentKinds}}
	}
	var out []Cause
	g, h := b.group(x), b.group(y)
	if event, apart := b.keepsApart(g, h); apart && !b.verdicts.parted(x, y) {
		out = append(out, Cause{Code: CauseVerdictBetween, Event: event, Verdict: events.VerdictDifferent})
	}
	if c, refused := b.refusal(x, y); refused {
		out = append(out, c)
	}
	out = append(out, b.keyCauses(x, y)...)
	switch evidence.Band {
	case matching.BandNone:
		out = append(out, Cause{Code: CauseBelowReview})
	case matching.BandPotential:
		out = append(out, Cause{Code: CauseReviewBand})
	}
	return out
}

// Codes lists every code.
func Codes() []Code {
	return []Code{CauseOneCustomer, CauseStated, CauseVerdict, CauseOverruled, CauseConflict, CauseVerdictBetween, CauseWithdrawn,
		CauseDifferentKinds, CauseNoSharedKey, CauseHotKeys, CauseBelowReview, CauseReviewBand, CauseAttribute, CauseMaxCluster, CauseMean}
}
