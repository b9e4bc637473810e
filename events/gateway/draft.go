package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"ficha/events"
	"ficha/internal/strictjson"
)

// draft is an event on its way to the log: what was read of it, and what is
// wrong with it so far.
type draft struct {
	raw        []byte // as it came
	built      bool   // by the hub: it never was bytes
	env        events.Envelope
	data       any  // env.Data as a tree
	unreadable bool // no JSON object at all
	mayPublish bool // its source is one of the principal's
	late       bool // refused by the log, after it was found valid
	known      bool // its provisional deny was in the log before

	problems []events.Problem
	warnings []events.Problem

	reading     reading          // of an event that is refused, what it may say
	provisional *events.Envelope // the deny that binds in its place
}

func (d *draft) refuse(p ...events.Problem) { d.problems = append(d.problems, p...) }
func (d *draft) warn(p ...events.Problem)   { d.warnings = append(d.warnings, p...) }
func (d *draft) valid() bool                { return len(d.problems) == 0 }

// answer is the result as far as it is known before appending: rejected, or otherwise.
func (d *draft) answer(otherwise events.Status) events.EventResult {
	r := events.EventResult{Source: d.env.Source, ID: d.env.ID, Status: otherwise, Warnings: d.warnings}
	if !d.valid() {
		r.Status, r.Errors = events.StatusRejected, d.problems
		r.Source, r.ID = d.reading.source, d.reading.id
	}
	return r
}

// draftOfItem reads and judges one item of a body.
func (g *Gateway) draftOfItem(r *strictjson.Reader, who events.Principal, now time.Time, item strictjson.Item) *draft {
	d := &draft{raw: item.Raw}
	var tree any
	switch {
	case item.Err != nil:
		d.refuse(problemOf(item.Err))
		d.unreadable = true
	case len(item.Raw) > g.cfg.Limits.Event:
		d.refuse(events.Problem{Code: string(strictjson.TooLarge), Detail: "the event is larger than the gateway takes",
			Remedy: "Send long texts and files by reference."})
	default:
		tree = g.readItem(r, d)
	}
	if top, ok := tree.(map[string]any); ok {
		g.judge(r, d, who, now, d.readAttributes(top))
	}
	g.finish(d, now, tree)
	return d
}

// readItem reads the item's JSON strictly: a tree, or problems.
func (g *Gateway) readItem(r *strictjson.Reader, d *draft) any {
	doc, err := r.Read(d.raw, "data")
	if err != nil {
		p := problemOf(err)
		d.refuse(p)
		d.unreadable = p.Code == string(strictjson.InvalidJSON) || p.Code == string(strictjson.TrailingData)
		return nil
	}
	top, ok := doc.Tree.(map[string]any)
	if !ok {
		d.refuse(events.Problem{Code: string(strictjson.InvalidJSON), Detail: "is not a JSON object", Remedy: "Send one CloudEvent as { … }."})
		d.unreadable = true
		return doc.Tree
	}
	d.data = top["data"]
	if d.data != nil {
		d.env.Data = strictjson.Compact(make([]byte, 0, len(doc.Member)), doc.Member)
	}
	return doc.Tree
}

// draftOfEnvelope reads and judges an event that the hub built.
func (g *Gateway) draftOfEnvelope(r *strictjson.Reader, who events.Principal, now time.Time, e events.Envelope) *draft {
	d := &draft{env: e, built: true}
	d.env.SpecVersion = cmp.Or(e.SpecVersion, "1.0")
	if len(e.Data) > g.cfg.Limits.Event {
		d.refuse(events.Problem{Code: string(strictjson.TooLarge), Pointer: "/data", Detail: "is larger than the gateway takes", Remedy: "Send long texts and files by reference."})
	} else if len(e.Data) > 0 {
		doc, err := r.Read(e.Data, "")
		if err != nil {
			p := problemOf(err)
			p.Pointer = "/data" + p.Pointer
			d.refuse(p)
		} else {
			d.data = doc.Tree
			d.env.Data = strictjson.Compact(make([]byte, 0, len(e.Data)), e.Data)
		}
	}
	g.judge(r, d, who, now, !e.Time.IsZero())
	g.finish(d, now, d.tree())
	return d
}

// finish closes a draft: of one that is refused it reads what it may have said.
func (g *Gateway) finish(d *draft, now time.Time, tree any) {
	if d.valid() {
		return
	}
	slices.SortStableFunc(d.problems, func(a, b events.Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	if _, ok := tree.(map[string]any); !ok {
		tree, _ = strictjson.Lenient(d.raw, strictjson.Limits{})
	}
	d.reading = g.interpret(tree, now)
	if d.reading.binds() {
		d.provisional = g.provisionalDeny(d, now, d.reading.of())
	}
}

// tree is a valid draft as package strictjson would read it.
func (d *draft) tree() map[string]any {
	return map[string]any{"source": d.env.Source, "id": d.env.ID, "type": string(d.env.Type), "data": d.data}
}

// original is what is kept of an event that is refused.
func (d *draft) original() []byte {
	if !d.built {
		return d.raw
	}
	b, err := json.Marshal(d.env)
	if err != nil {
		return d.env.Data // the data is what cannot be written, or a time out of range
	}
	return b
}

// problemOf turns an error of package strictjson into a problem with a remedy.
func problemOf(err error) events.Problem {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return events.Problem{Code: string(strictjson.InvalidJSON), Detail: "is not JSON"}
	}
	remedies := map[strictjson.Code]string{
		strictjson.InvalidJSON:    "Write the body with a JSON library; see the byte offset in the detail.",
		strictjson.DuplicateKey:   "Name each field once.",
		strictjson.InvalidUnicode: "Write texts in UTF-8, and a character beyond U+FFFF as both halves of its pair.",
		strictjson.NULCharacter:   "Remove the NUL character.",
		strictjson.NumberRange:    "Send long numbers as strings.",
		strictjson.TooDeep:        "Nest no deeper than 32 levels.",
		strictjson.TooManyValues:  "Send less in one event.",
		strictjson.TrailingData:   "Send one JSON text and nothing after it; several events go as an array or one a line.",
	}
	detail := e.Detail
	if e.Code == strictjson.InvalidJSON || e.Code == strictjson.TrailingData || e.Code == strictjson.NULCharacter || e.Code == strictjson.InvalidUnicode {
		detail += " (byte " + itoa(e.Offset) + ")"
	}
	return events.Problem{Code: string(e.Code), Pointer: shortened(e.Pointer), Detail: detail, Remedy: remedies[e.Code]}
}

// shortened cuts a pointer whose names a sender made up without end.
func shortened(pointer string) string {
	const most = 500
	if len(pointer) <= most {
		return pointer
	}
	return strings.ToValidUTF8(pointer[:most], "") + "…"
}
