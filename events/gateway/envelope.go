package gateway

import (
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ficha/events"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// readAttributes takes the envelope's attributes out of the event's top level
// and says whether there is a time. Values of the wrong type and attributes that
// the hub does not take are problems; null is as good as absent (CloudEvents 1.0, §3.1).
func (d *draft) readAttributes(top map[string]any) (timed bool) {
	var unknown []string
	for name, v := range top {
		into := textAttribute(&d.env, name)
		switch {
		case v == nil && (into != nil || name == "data" || name == "time"):
		case into != nil:
			s, ok := v.(string)
			if !ok {
				d.refuse(attribute(name, "has the wrong JSON type", "Send a string."))
			}
			*into = s
		case name == "data":
		case name == "time":
			timed = true
			d.readTime(v)
		case name == "recordedtime":
			d.warn(events.Problem{Code: "ignored_attribute", Pointer: "/recordedtime", Detail: "is set by the hub", Remedy: "Leave it out."})
		case name == "data_base64":
			d.refuse(attribute(name, "is not taken", "Send the data as a JSON object in data."))
		default:
			unknown = append(unknown, name)
		}
	}
	d.refuseUnknown(unknown)
	return timed
}

// textAttribute is where the envelope keeps a text attribute, nil for others.
func textAttribute(e *events.Envelope, name string) *string {
	switch name {
	case "id":
		return &e.ID
	case "source":
		return &e.Source
	case "specversion":
		return &e.SpecVersion
	case "type":
		return (*string)(&e.Type)
	case "subject":
		return &e.Subject
	case "datacontenttype":
		return &e.DataContentType
	case "dataschema":
		return &e.DataSchema
	case "correlationid":
		return &e.CorrelationID
	case "causationid":
		return &e.CausationID
	case "mapname":
		return &e.MapName
	case "maprev":
		return &e.MapRev
	}
	return nil
}

// refuseUnknown names the first 50 attributes that the hub does not take.
func (d *draft) refuseUnknown(names []string) {
	slices.Sort(names)
	for _, name := range names[:min(len(names), 50)] {
		d.refuse(events.Problem{
			Code: "unknown_attribute", Pointer: shortened("/" + escaped(name)), Detail: "is not an attribute that the hub takes",
			Remedy: "Leave it out, or put it under /data/ext.",
		})
	}
}

func (d *draft) readTime(v any) {
	s, ok := v.(string)
	if ok && d.env.Time.UnmarshalText([]byte(s)) == nil {
		return
	}
	d.env.Time = time.Time{}
	d.refuse(attribute("time", "is not a time as RFC 3339 writes it, with seconds and offset", "Write it as 2026-03-02T09:15:00Z."))
}

func attribute(name, detail, remedy string) events.Problem {
	return events.Problem{Code: "invalid_attribute", Pointer: "/" + name, Detail: detail, Remedy: remedy}
}

// checkAttributes holds the envelope to its rules, apart from its time.
func (d *draft) checkAttributes(timed bool) {
	e := &d.env
	d.checkText("id", e.ID, true)
	d.checkText("source", e.Source, true)
	d.checkText("type", string(e.Type), true)
	d.checkText("specversion", e.SpecVersion, true)
	d.checkText("subject", e.Subject, false)
	d.checkText("correlationid", e.CorrelationID, false)
	d.checkText("causationid", e.CausationID, false)
	d.checkText("mapname", e.MapName, false)
	d.checkText("maprev", e.MapRev, false)
	if e.SpecVersion != "" && e.SpecVersion != "1.0" {
		d.refuse(attribute("specversion", "is not a version that the hub takes", "Send 1.0."))
	}
	if !uriReference(e.Source) {
		d.refuse(attribute("source", "is not a URI reference", "Name the sending system as a path, such as /crm/bank."))
	}
	if media, _, err := mime.ParseMediaType(e.DataContentType); e.DataContentType != "" && (err != nil || media != "application/json") {
		d.refuse(attribute("datacontenttype", "is not a content type that the hub takes", "Send application/json, or leave it out."))
	}
	if !timed {
		d.refuse(events.Problem{Code: "required", Pointer: "/time", Detail: "is required and is not there", Remedy: "Say when it happened at the source."})
	}
	if e.Data == nil && !d.unreadable {
		d.refuse(events.Problem{Code: "required", Pointer: "/data", Detail: "is required and is not there", Remedy: "Send the data as a JSON object."})
	}
}

// checkText holds a text attribute to what an index, a subject and a screen can take.
func (d *draft) checkText(name, s string, required bool) {
	const most = 256
	if d.has("/" + name) {
		return
	}
	switch {
	case s == "" && required:
		d.refuse(events.Problem{Code: "required", Pointer: "/" + name, Detail: "is required and is empty or not there", Remedy: "Send " + name + "."})
	case len(s) > most && utf8.RuneCountInString(s) > most:
		d.refuse(attribute(name, "is longer than 256 characters", "Shorten it."))
	case strings.ContainsFunc(s, unicode.IsControl):
		d.refuse(attribute(name, "holds control characters", "Remove them."))
	}
}

// has says whether a problem with the attribute is noted already.
func (d *draft) has(pointer string) bool {
	return slices.ContainsFunc(d.problems, func(p events.Problem) bool { return p.Pointer == pointer })
}

// uriReference is a loose RFC 3987: no space, no delimiter that no reference
// has, and no dot segments, which would make two sources of one.
func uriReference(s string) bool {
	if strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsAny(s, "<>\"{}|\\^`") {
		return false
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func escaped(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
