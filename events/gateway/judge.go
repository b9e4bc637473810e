package gateway

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"ficha/events"
	"ficha/internal/strictjson"
	"ficha/schemas"
)

// judge holds a draft to every rule and completes its envelope.
func (g *Gateway) judge(r *strictjson.Reader, d *draft, who events.Principal, now time.Time, timed bool) {
	d.checkAttributes(timed)
	d.checkSource(who)
	if d.env.Type != "" && !d.has("/type") {
		g.checkData(r, d)
	}
	d.checkType(who)
	d.checkRecords(who)
	d.checkTimes(now)
	d.env.RecordedTime = time.Time{}
	d.env.DataSchema = g.cfg.Schemas.ID(string(d.env.Type))
}

// checkData validates the data, and brings data of a superseded version up to the newest.
func (g *Gateway) checkData(r *strictjson.Reader, d *draft) {
	typ := string(d.env.Type)
	if d.data == nil && g.cfg.Schemas.Knows(typ) {
		return // said already: data is required
	}
	violations := g.cfg.Schemas.Validate(typ, d.data)
	for _, v := range violations {
		code := "schema"
		if v.Code == "unknown_type" {
			code = v.Code
		}
		d.refuse(events.Problem{Code: code, Pointer: shortened(v.Pointer), Detail: v.Detail, Remedy: v.Remedy})
	}
	if len(violations) > 0 || !schemas.Superseded(typ) {
		return
	}
	typ, data, err := schemas.Upcast(typ, d.env.Data)
	if err == nil {
		var doc strictjson.Document
		if doc, err = r.Read(data, ""); err == nil {
			d.env.Type, d.env.Data, d.data = events.Type(typ), data, doc.Tree
			return
		}
	}
	d.refuse(events.Problem{Code: "schema", Pointer: "/data", Detail: "cannot be turned into the newest version of its type", Remedy: "Send " + typ + "."})
}

// checkSource holds the envelope's source to those of the principal.
func (d *draft) checkSource(who events.Principal) {
	d.mayPublish = d.env.Source != "" && may(who, d.env.Source)
	if d.env.Source != "" && !d.mayPublish {
		d.refuse(notAllowed("/source"))
	}
}

// checkType keeps decisions to those who may take them: what the resolver decides
// and what became of dead letters to the hub; a steward's word (verdicts, pins,
// confirmed holds) to the hub and to whoever may publish for all.
func (d *draft) checkType(who events.Principal) {
	allowed := true
	switch d.env.Type {
	case events.IdentityResolvedV1, events.DeadLetterRetriedV1, events.DeadLetterDiscardedV1:
		allowed = who.Hub
	case events.IdentityJudgedV1, events.IdentityJudgementWithdrawnV1, events.ValuePinnedV1, events.ValueUnpinnedV1,
		events.ContactHoldConfirmedV1:
		allowed = who.Hub || slices.Contains(who.Sources, "*")
	}
	if !allowed {
		d.refuse(events.Problem{Code: "type_not_allowed", Pointer: "/type", Detail: "is a type that this key may not publish", Remedy: "Decide through the hub's reviews, merges and splits."})
	}
}

// checkRecords holds the records that an event of the family customer speaks
// about to the principal's sources: nobody else may change them.
func (d *draft) checkRecords(who events.Principal) {
	if d.env.Type.Family() != "customer" {
		return
	}
	data, _ := d.data.(map[string]any)
	one := func(v any, pointer string) {
		record, _ := v.(map[string]any)
		if source, ok := record["source"].(string); ok && source != "" && !may(who, source) {
			d.refuse(notAllowed(pointer + "/source"))
		}
	}
	one(data["record"], "/data/record")
	one(data["survivor"], "/data/survivor")
	losers, _ := data["losers"].([]any)
	for i, loser := range losers[:min(len(losers), 50)] {
		one(loser, "/data/losers/"+itoa(int64(i)))
	}
}

func notAllowed(pointer string) events.Problem {
	return events.Problem{
		Code: "source_not_allowed", Pointer: pointer, Detail: "is not a source that this key may publish for",
		Remedy: "Use a key for this source, or ask an administrator to add the source to the key.",
	}
}

// may says whether a principal may publish for a source. A source covers what is
// below it by path segment: /crm covers /crm/bank and not /crmx.
func may(who events.Principal, source string) bool {
	if who.Hub {
		return true
	}
	if within(folded(source), events.HubSource) {
		return false
	}
	return slices.ContainsFunc(who.Sources, func(own string) bool { return own == "*" || within(source, own) })
}

func within(source, own string) bool {
	own = strings.TrimSuffix(own, "/")
	return source == own || strings.HasPrefix(source, own+"/")
}

// folded is a source without the spellings by which it could pass for another:
// letter case, percent-encoding, repeated slashes.
func folded(source string) string {
	if plain, err := url.PathUnescape(source); err == nil {
		source = plain
	}
	source = strings.ToLower(source)
	for strings.Contains(source, "//") {
		source = strings.ReplaceAll(source, "//", "/")
	}
	return source
}

// checkTimes refuses what lies in the future, except for a deny: that is taken,
// with the time it was recorded. Its data stays as its sender stated it, so that
// sending it again is a duplicate; whoever folds it never counts a statement as
// later than it was recorded.
func (d *draft) checkTimes(now time.Time) {
	latest := now.Add(skew)
	off := !d.has("/time") && (d.env.Time.After(latest) || d.env.Time.UTC().Year() < 1900)
	deny := d.isDeny()
	switch {
	case off && deny:
		d.env.Time = now
		d.warn(timeAdjusted("/time"))
	case off:
		d.refuse(events.Problem{Code: timeCode(d.env.Time, latest), Pointer: "/time", Detail: "is in the future, or before 1900", Remedy: "Set the clock of the sending system, and check the time zone."})
	}
	if at, ok := d.statedAt(); ok && at.After(latest) {
		if deny {
			d.warn(timeAdjusted("/data/stated_at"))
		} else {
			d.refuse(events.Problem{Code: "future_time", Pointer: "/data/stated_at", Detail: "is in the future", Remedy: "Say when it was stated; from when it holds goes in effective_from."})
		}
	}
	d.env.Time = d.env.Time.UTC()
}

func timeCode(t, latest time.Time) string {
	if t.After(latest) {
		return "future_time"
	}
	return "time_out_of_range"
}

func timeAdjusted(pointer string) events.Problem {
	return events.Problem{
		Code: "time_adjusted", Pointer: pointer, Detail: "is in the future, or before 1900; the deny counts as stated when it was recorded",
		Remedy: "Set the clock of the sending system, and check the time zone.",
	}
}

func (d *draft) isDeny() bool {
	data, _ := d.data.(map[string]any)
	return d.env.Type == events.ContactStatedV1 && data["choice"] == string(events.Deny)
}

// statedAt is when a statement says that it was made.
func (d *draft) statedAt() (time.Time, bool) {
	data, _ := d.data.(map[string]any)
	s, _ := data["stated_at"].(string)
	if d.env.Type != events.ContactStatedV1 || s == "" {
		return time.Time{}, false
	}
	var t time.Time
	return t, t.UnmarshalText([]byte(s)) == nil
}
