package connect

import (
	"strings"

	bcp47 "golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"ficha/internal/document"
	"ficha/internal/text"
)

// gazetteer gives countries their codes: by code, by the names that package
// document knows, else by their names in English, Spanish and Portuguese. It
// belongs to one goroutine and gathers the names when it first needs them.
type gazetteer struct{ names map[string]string }

// country gives the ISO 3166 alpha-2 code, "" for a name that is none.
func (g *gazetteer) country(name string) string {
	name = strings.TrimSpace(name)
	if code := document.Country(name); code != "" {
		return code
	}
	if r, err := bcp47.ParseRegion(name); err == nil && r.IsCountry() && len(r.String()) == 2 {
		return r.String()
	}
	if g.names == nil {
		g.gather()
	}
	return g.names[text.Fold(name)]
}

func (g *gazetteer) gather() {
	g.names = make(map[string]string, 800)
	for _, namer := range [...]display.Namer{display.Regions(bcp47.Portuguese), display.Regions(bcp47.Spanish), display.Regions(bcp47.English)} {
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				code := string(a) + string(b)
				r, err := bcp47.ParseRegion(code)
				if err != nil || !r.IsCountry() || r.Canonicalize().String() != code {
					continue
				}
				if name := namer.Name(r); name != "" {
					g.names[text.Fold(name)] = code
				}
			}
		}
	}
}
