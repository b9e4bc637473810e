package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeStrict reads a body into a struct: one JSON value, no member twice, no
// unknown member, letter case as documented, valid UTF-8. Its problems name
// places, never values.
func decodeStrict(body []byte, v any) error {
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if semantic, ok := asError[*json.SemanticError](err); ok {
		return invalid(string(semantic.JSONPointer), semanticDetail(semantic), "compare with the reference, /docs")
	}
	p := newProblem(http.StatusBadRequest, "invalid_json")
	if syntax, ok := asError[*jsontext.SyntacticError](err); ok && !errors.Is(syntax.Err, io.ErrUnexpectedEOF) {
		p.Detail = "The body is not valid JSON at byte " + strconv.FormatInt(syntax.ByteOffset, 10) + "."
	}
	return p
}

func semanticDetail(err *json.SemanticError) string {
	if errors.Is(err.Err, json.ErrUnknownName) {
		return "there is no such member"
	}
	return "has the wrong type or cannot be read"
}
