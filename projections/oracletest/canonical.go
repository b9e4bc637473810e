package oracletest

import (
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Canonical gives v as canonical JSON (RFC 8785).
func Canonical(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode line: %w", err)
	}
	line := jsontext.Value(b)
	if err := line.Canonicalize(); err != nil {
		return "", fmt.Errorf("canonicalise line: %w", err)
	}
	return string(line), nil
}
