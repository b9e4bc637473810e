package api

import (
	"golang.org/x/text/language"
)

// languageOf gives es or en for a caller: what Accept-Language prefers, else en.
func (s *server) languageOf(accept string) string {
	if accept == "" || len(accept) > 256 {
		return "en"
	}
	_, i := language.MatchStrings(s.languages, accept)
	if i == 1 {
		return "es"
	}
	return "en"
}

// newLanguages knows the hub's languages, the default first.
func newLanguages() language.Matcher {
	return language.NewMatcher([]language.Tag{language.English, language.Spanish})
}
