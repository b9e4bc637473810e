package oracletest

import (
	"fmt"
	"strings"

	"ficha/internal/contactpoint"
	"ficha/internal/document"
	"ficha/internal/text"
)

func readName(_ *source, m map[string]any) *claim {
	var parts []string
	for _, f := range []string{"given", "middle", "family", "family2"} {
		if s, _ := m[f].(string); s != "" {
			parts = append(parts, s)
		}
	}
	name := strings.Join(parts, " ")
	if name == "" {
		name, _ = m["full"].(string)
	}
	if name == "" {
		return nil
	}
	c := &claim{value: name, form: text.Fold(name), complete: len(text.Tokens(name))}
	if use := m["use"]; use != "nickname" && use != "old" {
		c.complete += 1000
	}
	return c
}

func readDocument(_ *source, m map[string]any) *claim {
	kind, _ := m["kind"].(string)
	number, _ := m["number"].(string)
	country, _ := m["country"].(string)
	d, ok := document.Normalise(kind, number, country)
	if !ok {
		return &claim{value: m, form: text.Fold(kind + " " + number)}
	}
	value := map[string]any{"kind": d.Kind, "number": d.Number}
	if d.Country != "" {
		value["country"] = d.Country
	}
	c := &claim{value: value, form: d.Key()}
	if d.Check == document.CheckValid {
		c.complete = 1
	}
	return c
}

func readPhone(s *source, m map[string]any) *claim {
	region, _ := m["region"].(string)
	if region == "" {
		region = regionOf(s)
	}
	value, _ := m["value"].(string)
	p, ok := contactpoint.Phone(value, region)
	if !ok {
		return nil
	}
	c := &claim{value: p.Value, form: p.Class()}
	if !p.Readable {
		c.value = strings.TrimSpace(value)
	}
	return c
}

// regionOf looks for a country in phones, addresses, documents, then nationality.
func regionOf(s *source) string {
	if s.speaks != nil {
		s = s.speaks
	}
	for _, place := range [][2]string{{"phones", "region"}, {"addresses", "country"}, {"documents", "country"}} {
		list, _ := s.fields[place[0]].value.([]any)
		for _, v := range list {
			if r, _ := v.(map[string]any)[place[1]].(string); r != "" {
				return r
			}
		}
	}
	r, _ := s.fields["nationality"].value.(string)
	return r
}

func readEmail(_ *source, m map[string]any) *claim {
	value, _ := m["value"].(string)
	p, ok := contactpoint.Email(value)
	if !ok {
		return nil
	}
	c := &claim{value: p.Value, form: p.Class()}
	if m["verified"] == true {
		c.verified = 1
	}
	return c
}

func readHandle(_ *source, m map[string]any) *claim {
	handle, _ := m["handle"].(string)
	network, _ := m["network"].(string)
	p, ok := contactpoint.Handle(handle, network)
	if !ok {
		return nil
	}
	return &claim{value: m, form: p.Class()}
}

func readTag(_ *source, m map[string]any) *claim { return &claim{value: m[""], form: m[""].(string)} }

func readRelation(_ *source, m map[string]any) *claim {
	k := m["record"].(map[string]any)
	if k["stream"] == nil {
		k["stream"] = "customer"
	}
	return &claim{value: m, form: fmt.Sprint(m["kind"], "\x00", k["source"], ":", k["stream"], ":", k["id"])}
}
