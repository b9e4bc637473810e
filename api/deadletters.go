package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"ficha/events"
	"ficha/projections/letters"
)

// LetterView is an event that could not be taken or folded, without its content.
type LetterView struct {
	ID         string           `json:"id" doc:"inbox-N: kept with its original bytes; fold-PROJECTION-POSITION: in the log, and a projection could not fold it" example:"inbox-17"`
	Kind       letters.Kind     `json:"kind" enum:"inbox,fold"`
	Source     string           `json:"source" doc:"Empty when it could not be read"`
	EventID    string           `json:"event_id,omitempty" doc:"The event's id, where it could be read"`
	Type       events.Type      `json:"type,omitempty" doc:"Of kind fold"`
	Projection string           `json:"projection,omitempty" doc:"Of kind fold: who could not fold it"`
	At         *events.Position `json:"event_position,omitempty" doc:"Of kind fold: where it is in the log"`
	Via        events.Way       `json:"via,omitempty" enum:"inbox,request" doc:"Of kind inbox: left in the inbox, or submitted and rejected"`
	RecordedAt time.Time        `json:"recorded_at"`
	Reason     string           `json:"reason" doc:"Codes and pointers, no values" example:"schema /data/choice"`
	Statement  string           `json:"statement,omitempty" doc:"Folio of the deny that was read out of it and binds until it arrives in a valid form or is discarded"`
	Settled    *letters.Settled `json:"settled,omitempty" doc:"Left out while it waits for somebody"`
}

// LetterAnswer is a dead letter with its content, which may hold personal data.
type LetterAnswer struct {
	AsOf
	LetterView
	Original string `json:"original,omitempty" doc:"The event as it came, or as it is in the log; cut to 1 MiB"`
	Bytes    []byte `json:"original_base64,omitempty" doc:"Instead of original, when it is no UTF-8"`
}

// LettersAnswer is a page of dead letters: those of kind inbox first, oldest first.
type LettersAnswer struct {
	AsOf
	Data       []LetterView `json:"data"`
	NextCursor *string      `json:"next_cursor" doc:"null at the end; a page may hold fewer than limit and go on"`
}

// RetryRequest says how to try a dead letter again.
type RetryRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
	DryRun bool   `json:"dry_run,omitempty" doc:"Say what would become of it, and change nothing"`
}

// DiscardRequest says why a dead letter is given up.
type DiscardRequest struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1000"`
}

// SettledAnswer says what became of a dead letter.
type SettledAnswer struct {
	ID        string          `json:"id" example:"inbox-17"`
	Action    letters.Action  `json:"action" enum:"retried,discarded"`
	Status    events.Status   `json:"status" enum:"appended,duplicate,valid" doc:"duplicate: it was done before; valid: of a dry run, it would be taken"`
	Position  events.Position `json:"position" doc:"Send it as min_position to read your own write; 0 of a dry run"`
	Statement string          `json:"statement,omitempty" doc:"Folio, when the retried event is a statement"`
	Released  string          `json:"released,omitempty" doc:"Of a discarded one: folio of the provisional deny that was withdrawn with it"`
}

type letterListInput struct {
	AtLeast
	Kind    letters.Kind `query:"kind" enum:"inbox,fold" doc:"Default: both"`
	Source  string       `query:"source" maxLength:"256" doc:"Only of this very source"`
	Reason  string       `query:"reason" maxLength:"64" doc:"Only with this code in the reason" example:"schema"`
	Since   time.Time    `query:"since" doc:"Only those recorded then or later"`
	Settled string       `query:"settled" enum:"no,yes,all" default:"no" doc:"Whether somebody has retried or discarded it"`
	Limit   int          `query:"limit" minimum:"1" maximum:"500" doc:"Default 100"`
	Cursor  string       `query:"cursor" maxLength:"128" doc:"next_cursor of the page before"`
}

type letterListOutput struct{ Body LettersAnswer }

type letterInput struct {
	ID string `path:"id" maxLength:"128" doc:"Id of the dead letter"`
	AtLeast
}

type letterOutput struct{ Body LetterAnswer }

type retryInput struct {
	ID   string `path:"id" maxLength:"128" doc:"Id of the dead letter"`
	Body *RetryRequest
}

type discardInput struct {
	ID   string `path:"id" maxLength:"128" doc:"Id of the dead letter"`
	Body DiscardRequest
}

type settledOutput struct{ Body SettledAnswer }

func (s *server) deadlettersRoutes() {
	register(s, route{
		id: opLetters, method: http.MethodGet, path: "/v1/deadletters", tag: "operations",
		summary: "Events that could not be taken or folded",
		text: "What was left in the inbox and is not valid, what was rejected and may be a deny, and what a projection could not " +
			"fold; without the content. A publisher sees its own sources.",
		problems: readProblems, response: exampleLetters(),
	}, s.listLetters)
	register(s, route{
		id: opLetterGet, method: http.MethodGet, path: "/v1/deadletters/{id}", tag: "operations",
		summary: "One dead letter with its content", text: "The content is as it came and may hold personal data.",
		problems: append(readProblems, http.StatusNotFound), response: exampleLetter(),
	}, s.getLetter)
	register(s, route{
		id: opLetterRetry, method: http.MethodPost, path: "/v1/deadletters/{id}:retry", tag: "operations",
		summary: "Send a dead letter again",
		text: "The original bytes go through the gateway once more, as of their source. If the event is valid by now it is appended, and " +
			"a deny that bound in its place gives way to it; else the answer is 422 with what is wrong, and nothing changes. " +
			"One that a projection could not fold is in the log already: 409 `needs_rebuild`. Repeating is safe.",
		problems: append(readProblems, http.StatusNotFound), request: RetryRequest{Reason: "schema corrected"},
		response: SettledAnswer{ID: "inbox-17", Action: letters.Retried, Status: events.StatusAppended, Position: 814},
	}, s.retryLetter)
	register(s, route{
		id: opLetterDiscard, method: http.MethodPost, path: "/v1/deadletters/{id}:discard", tag: "operations",
		summary: "Give a dead letter up",
		text: "It waits no longer; its bytes stay. A provisional deny that was read out of it is withdrawn with it, and the answer names " +
			"its folio: make sure that nobody meant it. Repeating is safe.",
		problems: append(readProblems, http.StatusNotFound), request: DiscardRequest{Reason: "test data of a supplier"},
		response: SettledAnswer{ID: "inbox-17", Action: letters.Discarded, Status: events.StatusAppended, Position: 815, Released: exampleStatementAnswer().Statement},
	}, s.discardLetter)
}

func (s *server) getLetter(ctx context.Context, in *letterInput) (*letterOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	l, err := s.findLetter(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	out := LetterAnswer{AsOf: v.asOf, LetterView: l.view}
	out.Original, out.Bytes = shownBytes(l.original)
	return &letterOutput{Body: out}, nil
}

// letterSource is what the routes know of dead letters of the door.
func (s *server) letterSource() (events.DeadLetters, error) {
	if s.cfg.DeadLetters == nil {
		return nil, fmt.Errorf("this hub keeps no dead letters: %w", events.ErrNotFound)
	}
	return s.cfg.DeadLetters, nil
}

func exampleLetterView() LetterView {
	return LetterView{
		ID: "inbox-17", Kind: letters.Inbox, Source: "/crm/bank", EventID: "crm-1-7", Via: events.WayInbox,
		RecordedAt: time.Date(2026, 3, 2, 9, 15, 1, 0, time.UTC), Reason: "schema /data/choice", Statement: exampleStatementAnswer().Statement,
	}
}

func exampleLetter() LetterAnswer {
	return LetterAnswer{
		AsOf: AsOf{Position: 812, ResolvedPosition: 812}, LetterView: exampleLetterView(),
		Original: `{"specversion":"1.0","id":"crm-1-7","source":"/crm/bank","type":"contact.stated.v1","data":{"choice":"no"}}`,
	}
}

func exampleLetters() LettersAnswer {
	return LettersAnswer{AsOf: AsOf{Position: 812, ResolvedPosition: 812}, Data: []LetterView{exampleLetterView()}}
}
