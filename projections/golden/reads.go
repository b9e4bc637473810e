package golden

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"ficha/events"
	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/projections"
)

// maxMergeHops bounds how far merges at the source are followed.
const maxMergeHops = 16

// Get gives the golden record that an id stands for now: any record uuid that was
// ever seen. Where the id is not the customer's own, RedirectedFrom is the id.
// events.ErrNotFound: no such record was ever seen.
func Get(ctx context.Context, r projections.Reader, id uuid.UUID) (Customer, error) {
	in := &reading{ctx: ctx, r: r}
	c, ok := getCustomer(in, id)
	switch {
	case in.err != nil:
		return Customer{}, in.err
	case !ok:
		return Customer{}, fmt.Errorf("get customer %s: %w", id, events.ErrNotFound)
	}
	return c, nil
}

func getCustomer(in *reading, id uuid.UUID) (Customer, bool) {
	customer, ok := customerOf(in, id)
	if !ok {
		return Customer{}, false
	}
	c, ok := readDocument(in, customer)
	if ok && customer != id {
		c.RedirectedFrom = id
	}
	return c, ok
}

// readDocument reads the golden record of what is a customer now.
func readDocument(in *reading, customer uuid.UUID) (Customer, bool) {
	row, ok := readGolden(in, customer)
	if !ok || len(row.document) == 0 {
		return Customer{}, false
	}
	c, err := row.customer()
	if err != nil {
		in.fail(err)
		return Customer{}, false
	}
	return c, true
}

func (g goldenRow) customer() (Customer, error) {
	var c Customer
	if err := json.Unmarshal(g.document, &c); err != nil {
		return c, damaged(goldenRecords)
	}
	c.Version, c.Position = g.version, g.position
	return c, nil
}

// customerOf follows a record to its customer; a record that was never seen, but
// lost a merge at its source, to that of the survivor.
func customerOf(r rows, id uuid.UUID) (uuid.UUID, bool) {
	for range maxMergeHops {
		if m := membershipOf(r, id); m.written {
			return m.customer, true
		}
		if _, seen := r.Get(sourceRecords, id[:]); seen {
			return id, true
		}
		survivor, ok := survivorOf(r, id)
		if !ok {
			return uuid.Nil, false
		}
		id = survivor.UUID()
	}
	return uuid.Nil, false
}

// CustomerOf gives the customer that a record belongs to now. False: no such
// record was ever seen.
func CustomerOf(ctx context.Context, r projections.Reader, record uuid.UUID) (uuid.UUID, bool, error) {
	in := &reading{ctx: ctx, r: r}
	customer, ok := customerOf(in, record)
	return customer, ok && in.err == nil, in.err
}

// Members gives the records of the customer that an id stands for, sorted;
// withdrawn ones too. Nil where the id was never seen.
func Members(ctx context.Context, r projections.Reader, id uuid.UUID) ([]uuid.UUID, error) {
	in := &reading{ctx: ctx, r: r}
	customer, ok := customerOf(in, id)
	if !ok {
		return nil, in.err
	}
	ids := membersOf(in, customer)
	return ids, in.err
}

// RecordsByPoint gives the live records that have a contact point now, sorted:
// in any equivalent form, and by the last eight digits where one of the two
// numbers cannot be read.
func RecordsByPoint(ctx context.Context, r projections.Reader, p contactpoint.Point) ([]uuid.UUID, error) {
	in := &reading{ctx: ctx, r: r}
	var ids []uuid.UUID
	scanHolders(in, p, func(id uuid.UUID, holding []byte) {
		if holding[0]&(flagNow|flagPinned) != 0 {
			ids = append(ids, id)
		}
	})
	return distinct(ids), in.err
}

// RecordsEverAtPoint gives the records that have or had a contact point, sorted.
func RecordsEverAtPoint(ctx context.Context, r projections.Reader, p contactpoint.Point) ([]uuid.UUID, error) {
	in := &reading{ctx: ctx, r: r}
	var ids []uuid.UUID
	scanHolders(in, p, func(id uuid.UUID, _ []byte) { ids = append(ids, id) })
	return distinct(ids), in.err
}

// HoldersAt gives the customers, as grouped now, of the records that had a
// contact point at time t, sorted.
func HoldersAt(ctx context.Context, r projections.Reader, p contactpoint.Point, t time.Time) ([]uuid.UUID, error) {
	h, err := ReadHolders(ctx, r, p)
	return h.At(t), err
}

// Holders knows who had one contact point when.
type Holders struct{ holders []holder }

type holder struct {
	customer uuid.UUID
	holding  []byte
}

// ReadHolders reads who had a contact point when, customers as grouped now.
func ReadHolders(ctx context.Context, r projections.Reader, p contactpoint.Point) (Holders, error) {
	in := &reading{ctx: ctx, r: r}
	var h Holders
	var ids []uuid.UUID
	scanHolders(in, p, func(id uuid.UUID, holding []byte) {
		ids = append(ids, id)
		h.holders = append(h.holders, holder{holding: holding})
	})
	for i, id := range ids {
		h.holders[i].customer = membershipOf(in, id).customer
	}
	return h, in.err
}

// At gives the customers that had the point at time t, sorted.
func (h Holders) At(t time.Time) []uuid.UUID {
	var ids []uuid.UUID
	for _, x := range h.holders {
		if heldAt(x.holding, t) {
			ids = append(ids, x.customer)
		}
	}
	return distinct(ids)
}

// scanHolders yields the records that have or had a point that may be p.
func scanHolders(r rows, p contactpoint.Point, yield func(id uuid.UUID, holding []byte)) {
	r.Scan(contactPoints, projections.Prefix(append([]byte(bucketOf(p)), 0)), func(row projections.Row) bool {
		if q, ok := pointIn(row); ok && p.Same(q) {
			yield(uuidAtEnd(row.Key), row.Value)
		}
		return true
	})
}

// pointIn reads the point of a row of contact_points.
func pointIn(row projections.Row) (contactpoint.Point, bool) {
	if len(row.Key) < 18 || len(row.Value) == 0 {
		return contactpoint.Point{}, false
	}
	_, key, ok := bytes.Cut(row.Key[:len(row.Key)-17], []byte{0})
	kind, value, found := strings.Cut(string(key), ":")
	return contactpoint.Point{Kind: contactpoint.Kind(kind), Value: value, Readable: row.Value[0]&flagReadable != 0}, ok && found
}

// RecordsByDocument gives the live records that have a document now, sorted. Kind
// and country may be empty: then any.
func RecordsByDocument(ctx context.Context, r projections.Reader, kind, number, country string) ([]uuid.UUID, error) {
	d, ok := document.Normalise(kind, number, country)
	if !ok {
		return nil, nil
	}
	in := &reading{ctx: ctx, r: r}
	var ids []uuid.UUID
	in.Scan(documents, projections.Prefix(append([]byte(d.NumberKey()), 0)), func(row projections.Row) bool {
		k, c := kindOf(row.Key)
		if row.Value[0] == 1 && (kind == "" || k == d.Kind) && (country == "" || c == "" || c == d.Country) {
			ids = append(ids, uuidAtEnd(row.Key))
		}
		return true
	})
	return distinct(ids), in.err
}

// kindOf reads kind and country of a row of documents.
func kindOf(key []byte) (kind, country string) {
	_, rest, _ := bytes.Cut(key[:len(key)-17], []byte{0})
	kind, country, _ = strings.Cut(string(rest), "/")
	return kind, country
}

// RecordByKey gives the uuid of a record. False: it was never seen, nor lost a
// merge at its source.
func RecordByKey(ctx context.Context, r projections.Reader, k events.RecordKey) (uuid.UUID, bool, error) {
	in := &reading{ctx: ctx, r: r}
	id := k.UUID()
	_, ok := customerOf(in, id)
	return id, ok && in.err == nil, in.err
}

// survivorOf says which record took the place of another one at the source.
func survivorOf(r rows, id uuid.UUID) (events.RecordKey, bool) {
	v, ok := r.Get(sourceMerges, id[:])
	if !ok {
		return events.RecordKey{}, false
	}
	var l struct {
		Value events.RecordKey `json:"value"`
	}
	if err := json.Unmarshal(v, &l); err != nil {
		return events.RecordKey{}, false
	}
	return l.Value, true
}

// SurvivorOf says which record took the place of another one at their source.
// False: none did.
func SurvivorOf(ctx context.Context, r projections.Reader, record uuid.UUID) (events.RecordKey, bool, error) {
	in := &reading{ctx: ctx, r: r}
	k, ok := survivorOf(in, record)
	return k, ok && in.err == nil, in.err
}

// Links gives the evidence that holds the records of a customer together.
func Links(ctx context.Context, r projections.Reader, id uuid.UUID) ([]events.IdentityLink, error) {
	in := &reading{ctx: ctx, r: r}
	var links []events.IdentityLink
	if customer, ok := customerOf(in, id); ok {
		for _, m := range membersOf(in, customer) {
			links = append(links, scanLinks(in, identityLinks, m)...)
		}
	}
	return links, in.err
}

// PotentialMatches gives the pairs of a record that wait for a verdict, by the
// other one's uuid.
func PotentialMatches(ctx context.Context, r projections.Reader, record uuid.UUID) ([]events.IdentityLink, error) {
	in := &reading{ctx: ctx, r: r}
	links := scanLinks(in, potentialMatches, record)
	return links, in.err
}

func scanLinks(in *reading, t projections.Table, id uuid.UUID) []events.IdentityLink {
	var links []events.IdentityLink
	in.Scan(t, projections.Prefix(id[:]), func(row projections.Row) bool {
		var l events.IdentityLink
		if err := json.Unmarshal(row.Value, &l); err != nil {
			in.fail(damaged(t))
			return false
		}
		links = append(links, l)
		return true
	})
	return links
}

func distinct(ids []uuid.UUID) []uuid.UUID {
	sortIDs(ids)
	return slices.Compact(ids)
}

// PointsOf gives the contact points that the records of a customer have or ever
// had, each once, sorted by kind and value.
func PointsOf(ctx context.Context, r projections.Reader, id uuid.UUID) ([]contactpoint.Point, error) {
	in := &reading{ctx: ctx, r: r}
	customer, ok := customerOf(in, id)
	if !ok {
		return nil, in.err
	}
	var ps []contactpoint.Point
	for _, m := range membersOf(in, customer) {
		v, ok := in.Get(sourceRecords, m[:])
		if !ok {
			continue
		}
		src, err := decodeSource(v)
		if err != nil {
			return nil, err
		}
		vs := src.state.Values()
		for _, h := range src.state.Holdings(&vs) {
			ps = append(ps, h.Point)
		}
	}
	slices.SortFunc(ps, func(a, b contactpoint.Point) int { return strings.Compare(a.Key(), b.Key()) })
	return slices.Compact(ps), in.err
}
