package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"ficha/api/steward"
	"ficha/events"
)

// ClaimRequest claims an item, or lets it go.
type ClaimRequest struct {
	Release bool `json:"release,omitempty" doc:"Let the item go"`
}

type claimInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the item"`
	IfMatch
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   *ClaimRequest
}

// DecideRequest is a steward's decision.
type DecideRequest struct {
	Verdict events.Verdict `json:"verdict" enum:"same,different,unsure" doc:"Of a hold: different frees the customer from the refusal, same makes it one with whoever stated it"`
	Reason  string         `json:"reason,omitempty" maxLength:"1000"`
	Exclude []uuid.UUID    `json:"exclude,omitempty" maxItems:"1000" nullable:"false" doc:"With same: customers, or single records by their uuid, that are somebody else"`
	DryRun  bool           `json:"dry_run,omitempty" doc:"Say what would come of it, and do nothing"`
}

// DecideAnswer is what a decision did, or would do.
type DecideAnswer struct {
	DeskAnswer
	Review   uuid.UUID        `json:"review" format:"uuid" doc:"The item with which it can be undone"`
	Verdicts []events.EventID `json:"verdicts" nullable:"false" doc:"The events that state it"`
	Resolved bool             `json:"resolved" doc:"The customers are what the verdict says; false: matching has not come to it within two seconds, or other verdicts stand against it"`
	Preview  *PreviewAnswer   `json:"preview,omitempty" doc:"With dry_run, instead of the rest"`
}

// DeskAnswer is what a steward's click wrote, if it wrote.
type DeskAnswer struct {
	Status   events.Status   `json:"status" enum:"appended,duplicate,dry_run" doc:"duplicate: the same request came before"`
	Position events.Position `json:"position" doc:"Send it as min_position to read your own write"`
}

type decideInput struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the item"`
	IfMatch
	Repeatable
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   DecideRequest
}

type decideOutput struct {
	Applied string `header:"Preference-Applied"`
	Body    DecideAnswer
}

// UndoRequest takes a decision back.
type UndoRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
	DryRun bool   `json:"dry_run,omitempty" doc:"Say what would come of it, and do nothing"`
}

type undoInput struct {
	ID    string `path:"id" maxLength:"64" doc:"Id of the item: of the queue, or of the verdict itself"`
	Match string `header:"If-Match" maxLength:"1000" doc:"Optional: the ETag that you read it with; another by now: 412"`
	Repeatable
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   *UndoRequest
}

func (s *server) claimRoutes() {
	register(s, route{
		id: opReviewClaim, method: http.MethodPost, path: "/v1/reviews/{id}:claim", tag: "reviews",
		summary: "Claim an item",
		text: "For 15 minutes others see that you look at it; claimed again it begins anew. Needs `If-Match`. " +
			"What somebody else has claimed is taken over only with the `ETag` that shows his claim.",
		problems: append(append(readProblems, conditionProblems...), http.StatusNotFound), request: ClaimRequest{}, response: exampleReview(),
	}, s.claimReview)
}

func (s *server) decideRoutes() {
	register(s, route{
		id: opReviewDecide, method: http.MethodPost, path: "/v1/reviews/{id}:decide", tag: "reviews",
		summary: "Decide an item",
		text: "Needs `If-Match` with the `ETag` of the item as you saw it. Of two stewards who decide the same item the second is " +
			"answered 412 `stale_review`: `conflict` says who decided, when, and what. The verdict is an event and can be undone.",
		problems: append(append(readProblems, conditionProblems...), http.StatusNotFound),
		request:  DecideRequest{Verdict: events.VerdictSame, Reason: "same person, moved house"}, response: exampleDecided(),
	}, s.decideReview)
	register(s, route{
		id: opReviewUndo, method: http.MethodPost, path: "/v1/reviews/{id}:undo", tag: "reviews",
		summary: "Undo a decision",
		text: "Withdraws the verdicts of the item, whoever gave them: afterwards the customers are what they would be without. Merges and " +
			"splits are undone with the `review` that they answer. Freeing a customer from a refusal cannot be undone: `not_undoable`.",
		problems: append(append(readProblems, http.StatusPreconditionFailed), http.StatusNotFound),
		request:  UndoRequest{Reason: "wrong button"}, response: exampleDecided(),
	}, s.undoReview)
}

func (s *server) claimReview(ctx context.Context, in *claimInput) (*reviewOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	id, err := reviewID(in.ID)
	if err != nil {
		return nil, err
	}
	change := desk.Claim
	if in.Body != nil && in.Body.Release {
		change = desk.Release
	}
	item, err := change(ctx, id, callOf(ctx).principal.Name, in.Match)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return s.reviewAnswer(ctx, v, item, in.Accept)
}

func (s *server) decideReview(ctx context.Context, in *decideInput) (*decideOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	id, err := reviewID(in.ID)
	if err != nil {
		return nil, err
	}
	who := callOf(ctx).principal
	ruling := steward.Ruling{Verdict: in.Body.Verdict, Reason: in.Body.Reason, Exclude: in.Body.Exclude, By: who.Name}
	if in.Body.DryRun {
		p, err := desk.DecidePreview(ctx, id, ruling)
		if err != nil {
			return nil, s.stewardProblem(err, in.Accept)
		}
		return s.previewed(ctx, id, p, in.Accept)
	}
	click, err := s.newClick(who, opReviewDecide+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	done, err := desk.Decide(ctx, id, ruling, steward.Request{IfMatch: in.Match, Mark: click.mark})
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	return s.decided(ctx, id, done, in.Prefer), nil
}

func (s *server) undoReview(ctx context.Context, in *undoInput) (*decideOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	id, err := reviewID(in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body == nil {
		in.Body = &UndoRequest{}
	}
	if in.Body.DryRun {
		p, err := desk.UndoPreview(ctx, id)
		if err != nil {
			return nil, s.stewardProblem(err, in.Accept)
		}
		return s.previewed(ctx, id, p, in.Accept)
	}
	who := callOf(ctx).principal
	click, err := s.newClick(who, opReviewUndo+"/"+in.ID, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	done, err := desk.Undo(ctx, id, who.Name, in.Body.Reason, steward.Request{IfMatch: in.Match, Mark: click.mark})
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	return s.decided(ctx, id, done, in.Prefer), nil
}

func (s *server) decided(ctx context.Context, id uuid.UUID, done steward.Done, prefer string) *decideOutput {
	return &decideOutput{
		Applied: s.waitAsPreferred(ctx, prefer, done.Position),
		Body: DecideAnswer{
			DeskAnswer: DeskAnswer{Status: done.Status, Position: done.Position},
			Review:     id, Verdicts: done.Events, Resolved: done.Resolved,
		},
	}
}
