package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"ficha/events"
)

// Source is the source of what the gateway itself states: provisional denies.
const Source = events.HubSource + "/gateway"

// provisionalDeny is the statement that binds in place of a draft that is
// refused; of names the event by whose valid arrival it ends (nil: none, it ends
// by being withdrawn). Nil where it could not be taken either.
//
// The same bytes give the same id. So an event that is sent again and again
// binds once, though the time of reading it differs.
func (g *Gateway) provisionalDeny(d *draft, now time.Time, of *events.EventID) *events.Envelope {
	statement := d.reading.statement
	statement.Ext = &events.StatementExt{Unconfirmed: true, Of: of, Problem: reasonOf(d.problems)}
	data, err := json.Marshal(statement)
	if err != nil {
		g.cfg.Logger.Error("provisional deny cannot be written", "error", err)
		return nil
	}
	e := events.Envelope{
		ID: g.provisionalID(d), Source: Source, SpecVersion: "1.0", Type: events.ContactStatedV1, Time: now,
		DataSchema: g.cfg.Schemas.ID(string(events.ContactStatedV1)), Data: data,
	}
	r := g.reader()
	defer g.release(r)
	doc, err := r.Read(data, "")
	if err != nil || len(g.cfg.Schemas.Validate(string(e.Type), doc.Tree)) > 0 {
		g.cfg.Logger.Error("provisional deny is not valid itself", "error", err)
		return nil
	}
	return &e
}

// provisionalID is a keyed hash of the event's name and content.
func (g *Gateway) provisionalID(d *draft) string {
	mac := hmac.New(sha256.New, g.cfg.Key)
	for _, part := range [][]byte{[]byte(d.reading.source), []byte(d.reading.id), d.original()} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		mac.Write(n[:])
		mac.Write(part)
	}
	return "provisional-" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// reasonOf says why an event was refused, without a value: codes and pointers,
// in which names that a sender made up are left out.
func reasonOf(problems []events.Problem) string {
	const longest = 500
	var b strings.Builder
	for i, p := range problems {
		if b.Len() > longest {
			b.WriteString(" …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Code)
		if p.Pointer != "" {
			b.WriteString(" " + impersonal(p.Pointer))
		}
	}
	return b.String()
}

// impersonal keeps of a pointer what can only be a field's name or an index.
func impersonal(pointer string) string {
	tokens := strings.Split(pointer, "/")
	for i, t := range tokens[min(1, len(tokens)):] {
		digits := 0
		ok := len(t) <= 32
		for _, c := range t {
			if c >= '0' && c <= '9' {
				digits++
			}
			ok = ok && (c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
		}
		if !ok || digits > 5 {
			tokens[i+1] = "*"
		}
	}
	if len(tokens) > 12 {
		tokens = append(tokens[:12], "…")
	}
	return strings.Join(tokens, "/")
}
