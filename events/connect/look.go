package connect

import (
	"bytes"
	"encoding/json"
	"strings"

	"ficha/internal/text"
)

// look decides on a sample of rows what no row tells alone: whether the day or
// the month comes first, whether M is a man or a mujer, and whether the ids are
// personal. The columns of the sample are routed as those of the file are.
func (m *mapper) look(sample []row) {
	var dates []string
	personal := 0
	for _, r := range sample {
		values, id := m.cells(r)
		var own []string
		for _, v := range values {
			switch v.to.field {
			case birthDate, deathDate:
				dates = append(dates, v.value)
			case gender:
				m.rules.hombre = m.rules.hombre || text.Fold(v.value) == "h"
			case phoneValue, emailValue, documentNumber:
				own = append(own, v.value)
			}
		}
		if id != "" && (personalShape(id) || personalAmong(id, own)) {
			personal++
		}
	}
	m.hashAll = personal > 0 && personal*5 >= len(sample)
	for column, t := range m.rules.mapping.Columns {
		if t == "id" {
			own, ok := m.router.recognised.target(column)
			m.hashAll = m.hashAll || ok && own.personal()
		}
	}
	switch first := m.rules.mapping.DayFirst; {
	case first == nil:
		m.rules.order = sniffOrder(dates)
	case *first:
		m.rules.order = dayFirst
	default:
		m.rules.order = monthFirst
	}
}

// cell is a value with where it goes.
type cell struct {
	to    target
	value string
}

// cells gives a row's values with their targets, and its id.
func (m *mapper) cells(r row) (out []cell, id string) {
	if r.cells != nil {
		for i, v := range r.cells {
			out = append(out, cell{to: m.targets[i], value: v})
		}
	} else {
		var object any
		dec := json.NewDecoder(bytes.NewReader(r.object))
		dec.UseNumber()
		err := dec.Decode(&object)
		if members, ok := object.(map[string]any); ok && isCloudEvent(members) {
			return nil, "" // goes to the hub as it is
		}
		if err == nil {
			err = walk("", object, 0, func(path, value string) error {
				out = append(out, cell{to: m.targetOf(path), value: value})
				return nil
			})
		}
		if err != nil {
			return nil, "" // the row will be rejected when its turn comes
		}
	}
	for _, c := range out {
		if c.to.field == nativeID {
			id = oneLine(c.value)
		}
	}
	return out, id
}

// targetOf gives where a path's values go.
func (m *mapper) targetOf(path string) target {
	if m.rules.mapping.Preset == PresetSenzing {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if key == "DATA_SOURCE" { // part of the source, no value
			return target{}
		}
		return m.senzingTarget(key)
	}
	return m.router.route(path)
}
