package changes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"ficha/events"
	"ficha/projections/changes"
	"ficha/projections/golden"
	"ficha/projections/projectionstest"
)

// told folds a world and gives the feed as lines: kind, names of ids, version and
// what else there is.
func told(t *testing.T, x *world, after events.Position) []string {
	t.Helper()
	store := projectionstest.NewMemory()
	fold(t, store, x.evs...)
	var lines []string
	for _, c := range feed(t, snapshot(t, store), changes.Through(after)) {
		lines = append(lines, line(c))
	}
	return lines
}

func line(c changes.Change) string {
	parts := []string{string(c.Kind), nameOf(c.Customer)}
	if c.Version != 0 {
		parts = append(parts, fmt.Sprint("v", c.Version))
	}
	if !c.Live && c.Kind != changes.Redirected && c.Kind != changes.ContactFlip {
		parts = append(parts, "dead")
	}
	for _, r := range c.Records {
		parts = append(parts, "+"+r.ID)
	}
	if len(c.Attributes) > 0 {
		parts = append(parts, strings.Join(c.Attributes, ","))
	}
	n := len(parts) // lists are by uuid; by name they are easier to read
	for _, l := range c.Losers {
		parts = append(parts, "loser "+nameOf(l))
	}
	slices.Sort(parts[n:])
	n = len(parts)
	for _, p := range c.Parts {
		parts = append(parts, fmt.Sprintf("part %s v%d of %d", nameOf(p.Customer), p.Version, len(p.Records)))
	}
	slices.Sort(parts[n:])
	n = len(parts)
	for _, m := range c.Moved {
		parts = append(parts, fmt.Sprintf("%s:%s>%s", nameOf(m.Record), nameOf(m.From), nameOf(m.To)))
	}
	slices.Sort(parts[n:])
	if c.To != uuid.Nil {
		parts = append(parts, "to "+nameOf(c.To))
	}
	if c.Kind == changes.ContactFlip {
		parts = append(parts, fmt.Sprint(c.Choice, " ", len(c.Binding), "/", len(c.Freed)))
	}
	if c.More {
		parts = append(parts, "more")
	}
	return strings.Join(parts, " ")
}

func nameOf(x uuid.UUID) string {
	for _, n := range slices.Concat(names, ghosts) {
		if id(n) == x {
			return n
		}
	}
	if x == uuid.Nil {
		return "anybody"
	}
	return "?"
}

// three is a world of three records, 1 and 2 with a phone.
func three() *world {
	x := &world{}
	for i, r := range []string{"1", "2", "3"} {
		x.recorded(r, i, object{"tier": "gold"})
	}
	return x
}

func TestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*world)
		want    []string
	}{
		"another value": {func(x *world) { x.recorded("1", 5, object{"tier": "blue", "gender": "female"}) },
			[]string{"changed 1 v2 +1 gender,tier"}},
		"nothing new": {func(x *world) { x.recorded("1", 5, object{"tier": "gold"}) }, nil},
		"pinned": {func(x *world) {
			x.say(events.ValuePinnedV1, 0, events.ValuePinned{Record: key("1"), Attribute: "tier", Value: json.RawMessage(`"vip"`), By: "s"})
			x.say(events.ValueUnpinnedV1, 1, events.ValueUnpinned{Record: key("1"), Attribute: "tier", By: "s"})
		}, []string{"changed 1 v2 +1 tier", "changed 1 v3 +1 tier"}},
		"withdrawn": {func(x *world) { x.withdrawn("1", 9) }, []string{"changed 1 v2 dead +1 live,kind,tier,records"}},
		"merged": {func(x *world) { x.resolved([]string{"3", "1"}) }, []string{
			"merged 1 v2 +1 +3 tier,records loser 3 3:3>1", "redirected 3 v2 3:3>1 to 1"}},
		"split": {func(x *world) {
			x.resolved([]string{"1", "2", "3"})
			x.resolved([]string{"1"}, []string{"2", "3"})
		}, []string{
			"merged 1 v2 +1 +2 +3 tier,records loser 2 loser 3 2:2>1 3:3>1", "redirected 2 v2 2:2>1 to 1", "redirected 3 v2 3:3>1 to 1",
			"created 2 v3 +2 +3 2:1>2 3:1>2", "split 1 v3 +1 tier,records part 1 v3 of 1 part 2 v3 of 2 2:1>2 3:1>2", "redirected 3 v2 to 2"}},
		"dealt anew": {func(x *world) {
			x.recorded("4", 3, nil)
			x.resolved([]string{"1", "2"}, []string{"3", "4"})
			x.resolved([]string{"1", "3"}, []string{"2", "4"})
		}, []string{
			"created 4 v1 +4",
			"merged 1 v2 +1 +2 tier,records loser 2 2:2>1", "merged 3 v2 +3 +4 records loser 4 4:4>3", "redirected 2 v2 2:2>1 to 1", "redirected 4 v2 4:4>3 to 3",
			"split 1 v3 +1 +3 tier,records loser 3 part 1 v3 of 2 part 2 v3 of 2 2:1>2 3:3>1", "merged 2 v3 +2 +4 loser 3 2:1>2 4:3>2", "redirected 3 v3 3:3>1 4:3>2 to 1", "redirected 4 v2 to 2"}},
		"decided as it is": {func(x *world) { x.resolved([]string{"1"}, []string{"2"}) }, nil},
		"refused by golden": {func(x *world) {
			x.resolved([]string{"1", "2"})
			x.say(events.IdentityResolvedV1, 0, events.IdentityResolved{Groups: []events.IdentityGroup{{{Record: id("2")}, {Record: id("3")}}}})
		}, []string{"merged 1 v2 +1 +2 tier,records loser 2 2:2>1", "redirected 2 v2 2:2>1 to 1"}},
		"a loser that was never seen": {func(x *world) {
			x.mergedAtSource("2", "8")
			x.mergedAtSource("8", "9")
			x.resolved([]string{"1", "2"})
			x.recorded("8", 7, nil)
		}, []string{
			"redirected 8 to 2", "redirected 9 to 2",
			"merged 1 v2 +1 +2 tier,records loser 2 2:2>1", "redirected 2 v2 2:2>1 to 1", "redirected 8 to 1", "redirected 9 to 1",
			"created 8 v1 +8", "redirected 9 to 8"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := three()
			c.happens(x)
			got := told(t, x, 3)
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func TestFlips(t *testing.T) {
	phone := events.ContactPoint{Phone: "+50255123456"}
	withPhone := object{"phones": []object{{"value": "+502 5512 3456"}}}
	flips := func(lines []string) []string {
		out := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "contact_flip") })
		slices.Sort(out)
		return out
	}
	for name, c := range map[string]struct {
		happens func(*world)
		want    []string
	}{
		"stated on a record":     {func(x *world) { x.stated(events.Deny, []string{"1"}) }, []string{"contact_flip 1 v1 deny 1/0"}},
		"withdrawn again":        {func(x *world) { x.takenBack(x.stated(events.Deny, []string{"1"})) }, []string{"contact_flip 1 v1 deny 0/1", "contact_flip 1 v1 deny 1/0"}},
		"an allow":               {func(x *world) { x.stated(events.Allow, []string{"1"}) }, []string{"contact_flip 1 v1 allow 1/0"}},
		"of nobody here":         {func(x *world) { x.stated(events.Deny, []string{"6"}, phone) }, nil},
		"before the record came": {func(x *world) { x.stated(events.Deny, []string{"6"}); x.recorded("6", 3, nil) }, []string{"contact_flip 6 v1 deny 1/0"}},
		"a point is taken on": {func(x *world) {
			x.stated(events.Deny, nil, phone)
			x.recorded("2", 5, withPhone)
			x.recorded("2", 6, object{"phones": []object{}})
		}, []string{"contact_flip 2 v2 deny 1/0", "contact_flip 2 v3 deny 0/1"}},
		"who has the point": {func(x *world) {
			x.recorded("2", 5, withPhone)
			x.recorded("3", 5, object{"phones": []object{{"value": "5512-3456"}}})
			x.stated(events.Deny, nil, phone)
		}, []string{"contact_flip 2 v2 deny 1/0", "contact_flip 3 v2 deny 1/0"}},
		"merge and split": {func(x *world) {
			x.stated(events.Deny, []string{"1"})
			x.resolved([]string{"1", "2"})
			x.resolved([]string{"1"}, []string{"2"})
		}, []string{"contact_flip 1 v1 deny 1/0", "contact_flip 2 v2 to 1 deny 1/0"}}, // the deny stays with both
		"a hold confirmed": {func(x *world) {
			f := x.stated(events.Deny, []string{"1"})
			x.resolved([]string{"1", "2"})
			x.say(events.ContactHoldConfirmedV1, 0, events.ContactHoldConfirmed{Statement: f, Records: []uuid.UUID{id("2")}})
			x.resolved([]string{"1"}, []string{"2"})
			x.say(events.ContactHoldConfirmedV1, 0, events.ContactHoldConfirmed{Statement: f, Records: []uuid.UUID{id("2")}})
		}, []string{"contact_flip 1 v1 deny 1/0", "contact_flip 1 v2  0/0", "contact_flip 2 v2 to 1 deny 1/0", "contact_flip 2 v3 deny 0/1"}},
		"restricted": {func(x *world) {
			x.say(events.CustomerRestrictedV1, 0, object{"record": key("1"), "restriction": "blocked"})
		},
			[]string{"contact_flip 1 v1 deny 1/0"}},
		"another source withdraws": {func(x *world) {
			f := x.stated(events.Deny, []string{"1"})
			x.takenBack(f)
			x.evs[len(x.evs)-1].Source = "/shop"
		}, []string{"contact_flip 1 v1 deny 1/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := three()
			c.happens(x)
			if got := flips(told(t, x, 3)); !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// TestPointOfEverybody: of a number that too many have, one change says that it
// may be about anybody.
func TestPointOfEverybody(t *testing.T) {
	x := &world{}
	for i := range 1002 {
		x.recorded(fmt.Sprint("n", i), 0, object{"phones": []object{{"value": "+502 5512 3456"}}})
	}
	x.stated(events.Deny, nil, events.ContactPoint{Phone: "+50255123456"})
	store := projectionstest.NewMemory()
	fold(t, store, x.evs...)
	all := feed(t, snapshot(t, store), changes.Through(1002))
	if len(all) != 1001 || line(all[0]) != "contact_flip anybody deny 1/0" {
		t.Errorf("%d changes, the first %s", len(all), line(all[0]))
	}
}

// TestManyStatementsOnOne: beyond what is listed, every change of the customer
// says that it may be about contact.
func TestManyStatementsOnOne(t *testing.T) {
	x := three()
	for range 1001 {
		x.stated(events.Deny, []string{"1"})
	}
	x.resolved([]string{"1", "2"})
	lines := told(t, x, 1004)
	if !slices.Contains(lines, "contact_flip 1 v2  0/0 more") || !slices.Contains(lines, "contact_flip 2 v2 to 1 deny 1000/0 more") &&
		!slices.Contains(lines, "contact_flip 2 v2 to 1 deny 100/0 more") {
		t.Errorf("got %s", strings.Join(lines, "\n"))
	}
}

// TestChangesOfThousandsOfRecords fit into a message: lists that are too long are
// left out, and it says so.
func TestChangesOfThousandsOfRecords(t *testing.T) {
	x := &world{}
	var all []string
	for i := range 3500 {
		all = append(all, fmt.Sprint("n", i))
		x.recorded(all[i], 0, nil)
	}
	x.resolved(all)
	x.resolved(all[:1], all[1:])
	store := projectionstest.NewMemory()
	fold(t, store, x.evs...)
	entries, err := changes.After(t.Context(), snapshot(t, store), changes.Through(3500), 0)
	if err != nil {
		t.Fatal(err)
	}
	short := map[changes.Kind]bool{}
	for _, e := range entries {
		c, err := e.Decode()
		if err != nil || len(e.JSON) > 512<<10 {
			t.Fatalf("%s has %d bytes: %v", e.ID, len(e.JSON), err)
		}
		if c.More {
			short[c.Kind] = true
			if c.Records != nil || c.Moved != nil || c.Parts != nil || c.Version == 0 {
				t.Errorf("%s of %s is short and lists %d records, %d moved, %d parts", c.Kind, c.Customer, len(c.Records), len(c.Moved), len(c.Parts))
			}
		}
	}
	if !short[changes.Merged] || !short[changes.Split] || !short[changes.Created] {
		t.Errorf("short are %v", short)
	}
}

// TestOldChangesAreDropped: 30 days by recorded time, some at a time.
func TestOldChangesAreDropped(t *testing.T) {
	x := &world{}
	for i := range 200 {
		x.recorded(fmt.Sprint("n", i), 0, nil)
		x.evs[i].RecordedTime = day0.Add(time.Duration(i) * time.Minute)
	}
	for i := range 70 {
		x.recorded(fmt.Sprint("m", i), 0, nil)
		x.evs[200+i].RecordedTime = day0.Add(changes.Kept + 100*time.Minute + time.Second)
	}
	store := projectionstest.NewMemory()
	fold(t, store, x.evs[:200]...)
	if dropped, err := changes.Dropped(t.Context(), snapshot(t, store)); err != nil || dropped != (changes.ID{}) {
		t.Fatalf("dropped up to %s: %v", dropped, err)
	}
	fold(t, store, x.evs[200:]...)
	snap := snapshot(t, store)
	dropped, err := changes.Dropped(t.Context(), snap)
	if err != nil || dropped != (changes.ID{Position: 101}) {
		t.Errorf("dropped up to %s: %v, want 101.0", dropped, err)
	}
	if all := feed(t, snap, changes.ID{}); len(all) != 169 || all[0].Position != 102 {
		t.Errorf("%d changes are left, the first at %d", len(all), all[0].Position)
	}
	if _, err := changes.Get(t.Context(), snap, changes.ID{Position: 5}); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("a dropped change: %v", err)
	}
	if e, err := changes.Get(t.Context(), snap, changes.ID{Position: 150}); err != nil || e.ID.Position != 150 {
		t.Errorf("a kept change: %v, %v", e, err)
	}
}

// TestOldIDsAnswer: after a thousand random merges and splits every id that was
// ever in the feed answers, and the subscriber agrees with the hub.
func TestOldIDsAnswer(t *testing.T) {
	decisions := 1000
	if testing.Short() {
		decisions = 150
	}
	rng := rand.New(rand.NewPCG(7, 7))
	x := &world{}
	for i := range 60 {
		x.recorded(fmt.Sprint("p", i), i, nil)
	}
	for range decisions {
		k := 1 + rng.IntN(min(3, len(x.groups)))
		rng.Shuffle(len(x.groups), func(i, j int) { x.groups[i], x.groups[j] = x.groups[j], x.groups[i] })
		records := slices.Concat(x.groups[:k]...)
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		cut := rng.IntN(len(records) + 1)
		fresh := slices.DeleteFunc([][]string{records[:cut:cut], records[cut:]}, func(g []string) bool { return len(g) == 0 })
		x.resolved(fresh...)
	}
	store := projectionstest.NewMemory()
	for evs := range slices.Chunk(x.evs, 100) {
		fold(t, store, evs...)
	}
	snap := snapshot(t, store)
	s, seen := newSubscriber(), map[uuid.UUID]bool{}
	for _, c := range feed(t, snap, changes.ID{}) {
		if err := s.apply(c); err != nil {
			t.Fatal(err)
		}
		noteIDs(c, seen)
	}
	if len(seen) != 60 {
		t.Errorf("%d ids were told", len(seen))
	}
	for old := range seen {
		c, err := golden.Get(t.Context(), snap, old)
		if err != nil {
			t.Fatalf("%s: %v", old, err)
		}
		if got, ok := s.answer(old); !ok || got != c.ID || s.version[c.ID] != c.Version || len(s.customers[c.ID]) != len(c.Records) {
			t.Errorf("%s is %s v%d, the subscriber says %s v%d", old, c.ID, c.Version, got, s.version[got])
		}
	}
}
