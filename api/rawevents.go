package api

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ficha/events"
)

// rawEvents reads a body of events as it is. huma's own reader would hand out a
// buffer that goes back to a pool, while the gateway may keep what it was given.
type rawEvents struct {
	format events.Format
	bytes  []byte
	err    error
}

// read keeps what went wrong for the route to answer with: errors that huma
// collects lose their code.
func (in *rawEvents) read(ctx huma.Context) {
	r, w := humago.Unwrap(ctx)
	in.format, in.bytes, in.err = readEvents(r, w, ctx.Operation().MaxBodyBytes)
}

func readEvents(r *http.Request, w http.ResponseWriter, limit int64) (events.Format, []byte, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		p := newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type")
		p.Detail = "Send the body without Content-Encoding."
		return "", nil, p
	}
	body, err := readBody(r, w, limit)
	if err != nil {
		return "", nil, err
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	format := formatOf(strings.ToLower(strings.TrimSpace(contentType)), body)
	if format == "" {
		return "", nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	if format == events.FormatEvent && r.Header.Get("Ce-Specversion") != "" && !strings.HasPrefix(contentType, "application/cloudevents") {
		body, err = structured(r.Header, body)
	}
	return format, body, err
}

// formatOf names the format of a content type; plain JSON is looked at.
func formatOf(contentType string, body []byte) events.Format {
	switch contentType {
	case string(events.FormatEvent), string(events.FormatBatch), string(events.FormatNDJSON):
		return events.Format(contentType)
	case "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return events.FormatNDJSON
	case "application/json", "":
		if b := bytes.TrimLeft(body, " \t\r\n"); len(b) > 0 && b[0] == '[' {
			return events.FormatBatch
		}
		return events.FormatEvent
	}
	return ""
}

// readBody reads at most limit bytes into memory of its own.
func readBody(r *http.Request, w http.ResponseWriter, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, over := asError[*http.MaxBytesError](err); over {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, newProblem(http.StatusRequestTimeout, "request_timeout") // it came too slowly, or broke off
	}
	return buf.Bytes(), nil
}

func tooLarge(limit int64) *Problem {
	p := newProblem(http.StatusRequestEntityTooLarge, "too_large")
	p.Detail = "The body is over " + itoa(limit) + " bytes; send fewer events at a time."
	return p
}

// structured turns a CloudEvent in binary mode (attributes in ce- headers, data
// in the body) into one in structured mode. The data must be one JSON value:
// else a body could write attributes of its own.
func structured(h http.Header, data []byte) ([]byte, error) {
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, newProblem(http.StatusBadRequest, "invalid_json")
	}
	attributes := map[string]string{}
	for name, values := range h {
		if attribute, ok := strings.CutPrefix(name, "Ce-"); ok {
			attributes[strings.ToLower(attribute)] = percentDecoded(values[0])
		}
	}
	if _, ok := attributes["data"]; ok {
		return nil, invalid("#header/ce-data", "data is the body, not a header", "leave the header ce-data out")
	}
	b, err := json.Marshal(attributes, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "invalid_json")
	}
	b = append(b[:len(b)-1], `,"data":`...)
	return append(append(b, data...), '}'), nil
}

// percentDecoded undoes the encoding of header values that the HTTP binding of
// CloudEvents prescribes; what is not encoded stays.
func percentDecoded(v string) string {
	if d, err := url.PathUnescape(v); err == nil {
		return d
	}
	return v
}
