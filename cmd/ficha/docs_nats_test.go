package main

import (
	"slices"
	"strings"
	"testing"

	"ficha/api"
	"ficha/api/apikey"
	"ficha/api/natsapi"
)

// TestDocsNATS compares the table of services with what is served, and the roles
// in it with what each role may do.
func TestDocsNATS(t *testing.T) {
	d := page(t, "nats.md")
	var subjects []string
	for _, row := range d.table(t, "subject", "body and answer as", "roles") {
		subject := codes(row[0])[0]
		subjects = append(subjects, subject)
		for _, role := range apikey.Roles() {
			appends, asks, _, _ := api.NATSRights(apikey.Principal{Roles: []apikey.Role{role}})
			may := asks
			if strings.HasSuffix(subject, ".append") {
				may = appends
			}
			if documented := role == apikey.Admin || slices.Contains(codes(row[2]), string(role)); documented != may {
				t.Errorf("%s: documented for %s: %v; it may: %v", subject, role, documented, may)
			}
		}
	}
	sameWords(t, "services", subjects, natsapi.Subjects(natsPrefix))
	for _, role := range apikey.Roles() {
		_, _, follows, _ := api.NATSRights(apikey.Principal{Roles: []apikey.Role{role}})
		if want := slices.Contains([]apikey.Role{apikey.Steward, apikey.System, apikey.Admin}, role); follows != want {
			t.Errorf("%s may follow the change feed: %v, documented %v", role, follows, want)
		}
	}
}
