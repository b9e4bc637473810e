package api

import (
	"strings"
	"testing"

	"ficha/api/apikey"
	"ficha/events"
)

func TestKeys(t *testing.T) {
	h := newHub(t)
	made := ask[KeyAnswer](h, apikey.Admin, "POST", "/v1/keys", `{"name":"pbx","roles":["publisher","system"],"sources":["/pbx"]}`)
	if !strings.HasPrefix(made.Key, "ficha_"+made.ID+"_") || made.Name != "pbx" {
		t.Fatalf("%+v", made)
	}
	h.keys["new"] = made.Key
	if res := ask[events.SubmitResult](h, "new", "POST", "/v1/events", strings.Replace(oneEvent, "/crm/bank", "/pbx/calls", 1)); res.Results[0].Status != events.StatusAppended {
		t.Errorf("%+v", res)
	}
	if res := ask[events.SubmitResult](h, "new", "POST", "/v1/events", oneEvent); res.Results[0].Status != events.StatusRejected {
		t.Errorf("for a foreign source: %+v", res)
	}
	w := h.call(apikey.Admin, "GET", "/v1/keys", nil)
	if _, secret, _ := strings.Cut(strings.TrimPrefix(made.Key, "ficha_"), "_"); strings.Contains(w.Body.String(), secret) || strings.Contains(w.Body.String(), "hash") {
		t.Errorf("the list gives secrets away: %s", w.Body)
	}
	if list := ask[KeysAnswer](h, apikey.Admin, "GET", "/v1/keys", nil); len(list.Data) != len(apikey.Roles())+1 {
		t.Errorf("%d keys", len(list.Data))
	}
	ask[RevokedAnswer](h, apikey.Admin, "DELETE", "/v1/keys/"+made.ID, nil)
	wantProblem(t, h.call("new", "POST", "/v1/events", oneEvent), 401, "unauthenticated")
	wantProblem(t, h.call(apikey.Admin, "DELETE", "/v1/keys/"+made.ID, nil), 404, "not_found")
	for _, bad := range []string{
		`{}`, `{"name":"x","roles":[]}`, `{"name":"x","roles":["root"]}`, `{"name":"x","roles":["publisher"]}`, `{"name":"x","roles":["agent"],"sources":["crm"]}`,
	} {
		wantProblem(t, h.call(apikey.Admin, "POST", "/v1/keys", bad), 422, "invalid")
	}
}

func TestAHubWithoutKeysManagesNone(t *testing.T) {
	h := newHub(t, func(c *Config) { c.Insecure, c.Keys = true, nil })
	wantProblem(t, h.call("", "GET", "/v1/keys", nil), 404, "not_found")
	wantProblem(t, h.call("", "DELETE", "/v1/keys/abcdefgh", nil), 404, "not_found")
}
