package town

import (
	"encoding/json"
	"testing"
	"time"

	"ficha/events"
)

// The story of the customer who said no: fourteen calls, the first before his
// no, thirteen after it, on one number, by two senders and several teams.
func TestDeclined(t *testing.T) {
	town := generate(t, Config{People: 50})
	story := town.Declined()
	if len(story.Records) != 2 || story.Records[0].Source != SourceCRM || story.Records[1].Source != SourceShop {
		t.Fatalf("records: %v", story.Records)
	}
	if story.Calls != declinedCalls || len(story.CallTimes) != declinedCalls || story.Phone == story.OtherPhone {
		t.Fatalf("story: %+v", story)
	}
	if span := story.CallTimes[13].Sub(story.CallTimes[0]); span > 21*24*time.Hour {
		t.Errorf("calls over %s, want three weeks", span)
	}
	calls, sources, teams, after := 0, map[string]bool{}, map[string]bool{}, 0
	stated := false
	for e := range town.Events() {
		switch e.Type {
		case events.InteractionRecordedV1:
			var x events.InteractionRecorded
			if err := json.Unmarshal(e.Data, &x); err != nil {
				t.Fatal(err)
			}
			if x.Direction != "outbound" || x.Channel != "voice" || first(x.ContactPoints).Phone != story.Phone {
				continue
			}
			calls++
			sources[e.Source], teams[x.Agent.Team] = true, true
			if stated {
				after++
			}
			if x.Product != story.Product || x.Purpose != story.Purpose || x.Campaign == "" {
				t.Errorf("call %d: %+v", calls, x)
			}
		case events.ContactStatedV1:
			if events.StatementID(e.Source, e.ID) != story.Statement {
				continue
			}
			stated = true
			var s events.ContactStated
			if err := json.Unmarshal(e.Data, &s); err != nil {
				t.Fatal(err)
			}
			if s.Choice != events.Deny || s.Records[0] != story.Records[0] || s.ContactPoints[0].Phone != story.Phone || s.Scope.Products[0] != story.Product || !e.Time.Equal(story.StatedAt) {
				t.Errorf("statement: %+v", s)
			}
		}
	}
	if calls != 14 || after != 13 || len(sources) != 2 || len(teams) < 3 {
		t.Errorf("%d calls, %d after the no, by %v, %v", calls, after, sources, teams)
	}
}
