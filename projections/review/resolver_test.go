package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"ficha/events"
	"ficha/events/eventstest"
	"ficha/matching"
	"ficha/matching/resolver"
	"ficha/matching/resolver/resolvertest"
	"ficha/projections/projectionstest"
)

// line is one step of a history that the real resolver follows.
type line struct {
	typ  events.Type
	id   events.EventID
	when time.Time
	data any
}

// follow appends the steps to a log with the real resolver on it, waits for its
// decisions after each, and gives the folded rows.
func follow(t *testing.T, lines []line) *projectionstest.Memory {
	t.Helper()
	models, err := matching.DefaultModels()
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return day0 }
	log := eventstest.NewLog(now)
	r, err := resolver.New(resolver.Config{Log: log, State: resolvertest.NewMemory(), Engine: matching.NewEngine(models), Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(t.Context())
	defer r.Stop()
	for _, l := range lines {
		appendLine(t, log, l)
		settle(t, log, r)
	}
	var evs []events.Envelope
	for e, err := range log.Read(t.Context(), events.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		evs = append(evs, e.Envelope)
	}
	store := projectionstest.NewMemory()
	projectionstest.Fold(t, store, folds(), evs...)
	return store
}

func appendLine(t *testing.T, log *eventstest.Log, l line) {
	t.Helper()
	b, err := json.Marshal(l.data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), []events.Envelope{{ID: l.id.ID, Source: l.id.Source, SpecVersion: "1.0", Type: l.typ, Time: l.when, Data: b}}); err != nil {
		t.Fatal(err)
	}
}

// settle waits until the resolver has taken everything into account.
func settle(t *testing.T, log *eventstest.Log, r *resolver.Resolver) {
	t.Helper()
	for lane, wait := range map[events.Lane]func(context.Context, events.Position) error{events.LaneRecord: r.Wait, events.LaneIdentity: r.WaitIdentity} {
		end, err := log.LaneEnd(t.Context(), lane)
		if err == nil {
			err = wait(t.Context(), end)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// people draws statements about few people who are hard to tell apart.
func people(rt *rapid.T, n int) []line {
	var out []line
	for i := range n {
		c := events.CustomerRecorded{Record: events.Record{RecordKey: keyOf(rapid.IntRange(0, 7).Draw(rt, "record"))}, Kind: events.Person}
		c.Names = []events.Name{{Given: rapid.SampledFrom([]string{"Ana", "Ana Lucía", "Anna"}).Draw(rt, "given"), Family: "Xicará"}}
		c.BirthDate = rapid.SampledFrom([]string{"", "1980-02-11", "1980-02-12", "1981"}).Draw(rt, "birth")
		if d := rapid.SampledFrom([]string{"", "2365487190101", "1999999960101", "3040506010101"}).Draw(rt, "document"); d != "" {
			c.Documents = []events.Document{{Kind: "dpi", Number: d, Country: "GT"}}
		}
		if rapid.Bool().Draw(rt, "phone") {
			c.Phones = []events.Phone{{Value: "+502 5512 3456"}}
		}
		id := events.EventID{Source: c.Record.Source, ID: fmt.Sprintf("r%d", i)}
		if rapid.IntRange(0, 5).Draw(rt, "gone") == 0 {
			out = append(out, line{events.CustomerWithdrawnV1, id, at(i), events.CustomerWithdrawn{Record: c.Record}})
			continue
		}
		out = append(out, line{events.CustomerRecordedV1, id, at(i), c})
	}
	return out
}

func contentOf(t *testing.T, store *projectionstest.Memory) string {
	t.Helper()
	lines, err := Content(t.Context(), snapshotOf(t, store))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// verdict draws a verdict `same` or `different` about some of the records.
func verdict(rt *rapid.T, what events.Verdict, id string, when int) line {
	dealt := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7}).Draw(rt, "dealt")
	n, m := rapid.IntRange(1, 3).Draw(rt, "first"), rapid.IntRange(4, 5).Draw(rt, "second")
	sets := [][]uuid.UUID{idsOf(dealt[:n]...), idsOf(dealt[n:m]...)}
	if what == events.VerdictSame {
		sets = [][]uuid.UUID{idsOf(dealt[:m]...)}
	}
	return line{events.IdentityJudgedV1, events.EventID{Source: "/reviews", ID: id}, at(when), events.IdentityJudged{Sets: sets, Verdict: what, By: "rosa"}}
}

func takenBackLine(of line, when int) line {
	return line{events.IdentityJudgementWithdrawnV1, events.EventID{Source: "/reviews", ID: of.id.ID + "-back"}, at(when),
		events.IdentityJudgementWithdrawn{Judgement: of.id, By: "luis"}}
}

func insertAt(lines []line, at int, l line) []line { return slices.Insert(slices.Clone(lines), at, l) }

// A verdict that was taken back leaves the queue as it would be without both.
func TestUndoneVerdictLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := people(rt, rapid.IntRange(6, 14).Draw(rt, "length"))
		lines = insertAt(lines, rapid.IntRange(0, len(lines)).Draw(rt, "at"), verdict(rt, drawWhat(rt), "other", 50))
		undone := verdict(rt, drawWhat(rt), "undone", 60)
		i := rapid.IntRange(0, len(lines)).Draw(rt, "judged")
		with := insertAt(lines, i, undone)
		with = insertAt(with, rapid.IntRange(0, len(with)).Draw(rt, "back"), takenBackLine(undone, 70)) // perhaps before the verdict
		if got, want := contentOf(t, follow(t, with)), contentOf(t, follow(t, lines)); got != want {
			rt.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func drawWhat(rt *rapid.T) events.Verdict {
	return rapid.SampledFrom([]events.Verdict{events.VerdictSame, events.VerdictDifferent}).Draw(rt, "what")
}

// A split leaves the queue as it would be with the split's verdict and without the
// merge that it contradicts.
func TestSplitLeavesTheQueueWithoutTheMerge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := people(rt, rapid.IntRange(6, 14).Draw(rt, "length"))
		merge := verdict(rt, events.VerdictSame, "merge", 60)
		merged := merge.data.(events.IdentityJudged).Sets[0]
		cut := rapid.IntRange(1, len(merged)-1).Draw(rt, "cut")
		split := line{events.IdentityJudgedV1, events.EventID{Source: "/reviews", ID: "split"}, at(70),
			events.IdentityJudged{Sets: [][]uuid.UUID{merged[:cut], merged[cut:]}, Verdict: events.VerdictDifferent, By: "rosa"}}
		i := rapid.IntRange(0, len(lines)).Draw(rt, "split")
		without := insertAt(lines, i, split)
		with := insertAt(without, rapid.IntRange(0, i).Draw(rt, "merge"), merge)
		if got, want := contentOf(t, follow(t, with)), contentOf(t, follow(t, without)); got != want {
			rt.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestContentDoesNotDependOnArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := people(rt, rapid.IntRange(6, 14).Draw(rt, "length"))
		for n := range rapid.IntRange(0, 4).Draw(rt, "verdicts") {
			lines = append(lines, verdict(rt, drawWhat(rt), fmt.Sprintf("v%d", n), 50+n))
		}
		shuffled := rapid.Permutation(lines).Draw(rt, "arrival")
		if got, want := contentOf(t, follow(t, shuffled)), contentOf(t, follow(t, lines)); got != want {
			rt.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// A=B and B=C, newer than A≠C, join what a person said is two; a newer A≠C leaves
// A=B out. Either way somebody is asked.
func TestConflictsOfVerdictsAreAsked(t *testing.T) {
	var lines []line
	for n := 1; n <= 3; n++ {
		lines = append(lines, line{events.CustomerRecordedV1, events.EventID{Source: sourceOf(n), ID: fmt.Sprint("r", n)}, at(n),
			events.CustomerRecorded{Record: events.Record{RecordKey: keyOf(n)}, Kind: events.Person, Names: []events.Name{{Given: fmt.Sprint("Ana", n)}}}})
	}
	judge := func(id string, when int, v events.Verdict, sets ...[]uuid.UUID) line {
		return line{events.IdentityJudgedV1, events.EventID{Source: "/reviews", ID: id}, at(when), events.IdentityJudged{Sets: sets, Verdict: v, By: "rosa"}}
	}
	lines = append(lines, judge("ac", 50, events.VerdictDifferent, idsOf(1), idsOf(3)), judge("ab", 60, events.VerdictSame, idsOf(1, 2)), judge("bc", 70, events.VerdictSame, idsOf(2, 3)))
	suspects, _, err := Suspects(t.Context(), snapshotOf(t, follow(t, lines)), "", 0)
	if err != nil || len(suspects) != 1 || suspects[0].Reasons[0].Code != CodeVerdictConflict || !slices.Equal(suspects[0].Reasons[0].Records, idsOf(1, 3)) {
		t.Fatalf("suspects %+v, %v", suspects, err)
	}

	lines = append(lines, judge("ac again", 80, events.VerdictDifferent, idsOf(1), idsOf(3)))
	open, _, err := List(t.Context(), snapshotOf(t, follow(t, lines)), Filter{}, "", 0)
	if err != nil || len(open) != 1 || open[0].Kind != KindPair || open[0].Reasons[0].Code != CodeVerdictConflict || !open[0].DueAt.Equal(open[0].OpenedAt.AddDate(0, 0, 2)) {
		t.Fatalf("open %+v, %v", open, err)
	}
	sides := open[0].Sides
	lines = append(lines, judge("settled", 90, events.VerdictDifferent, sides...))
	settled := follow(t, lines)
	if it, err := Get(t.Context(), snapshotOf(t, settled), open[0].ID); err != nil || it.State != StateDecided {
		t.Fatalf("settled as %s, %v", asText(it), err)
	}
	if open, _, err := List(t.Context(), snapshotOf(t, settled), Filter{}, "", 0); err != nil || len(open) != 0 {
		t.Fatalf("still open: %+v, %v", open, err)
	}
}
