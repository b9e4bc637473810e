package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"ficha/api/jobs"
	"ficha/api/steward"
	"ficha/events"
	"ficha/projections/contact"
	"ficha/projections/review"
)

// BulkRequest is one verdict about everything that a filter lets through.
type BulkRequest struct {
	Filter  ReviewFilter   `json:"filter" doc:"As of GET /v1/reviews; of what fits, pairs and groups that wait are decided"`
	Verdict events.Verdict `json:"verdict" enum:"same,different,unsure"`
	Reason  string         `json:"reason,omitempty" maxLength:"1000"`
	DryRun  bool           `json:"dry_run,omitempty" doc:"Say what would come of it, and do nothing"`
	Sample  *int           `json:"sample,omitempty" minimum:"0" maximum:"50" doc:"With dry_run: how many items to show; default 10"`
	Expect  *int           `json:"expect,omitempty" minimum:"0" doc:"How many the dry run told of; if there are others by now: 412"`
}

// BulkAnswer is the job that decides, or with dry_run what it would do.
type BulkAnswer struct {
	Job     *jobs.Job          `json:"job,omitempty"`
	Preview *BulkPreviewAnswer `json:"preview,omitempty"`
}

// BulkPreviewAnswer is what a bulk would do.
type BulkPreviewAnswer struct {
	Total     int                   `json:"total" doc:"Items that would be decided"`
	LeftOut   bool                  `json:"left_out" doc:"More than 100,000 fit; those beyond would be left"`
	Patterns  []review.PatternCount `json:"patterns" nullable:"false" doc:"By pattern of evidence, most frequent first"`
	Customers int                   `json:"customers" doc:"That the items are about"`
	Merges    int                   `json:"merges" doc:"How many fewer customers there would be, unless something keeps them apart"`
	Sample    []ReviewAnswer        `json:"sample" nullable:"false" doc:"Items to look at, evenly spread over all"`
	Contact   contact.Comparison    `json:"contact" doc:"Contact answers that would change for the sample alone"`
}

type bulkInput struct {
	Repeatable
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`
	Body   BulkRequest
}

type bulkOutput struct{ Body BulkAnswer }

func (s *server) bulkRoutes() {
	register(s, route{
		id: opReviewBulk, method: http.MethodPost, path: "/v1/reviews:bulk", tag: "reviews",
		summary: "Decide everything of a filter",
		text: "Decide a sample of a pattern one by one, look at the rest with `dry_run`, then decide it here: a job does it, which can be cancelled, " +
			"resumed and undone as a whole. Items that change meanwhile are skipped. Holds are decided one by one only.",
		problems: append(readProblems, http.StatusPreconditionFailed),
		request:  BulkRequest{Filter: ReviewFilter{Kind: string(review.KindPair), Pattern: "name=same"}, Verdict: events.VerdictSame, DryRun: true},
		response: BulkAnswer{Preview: &BulkPreviewAnswer{Total: 212, Patterns: []review.PatternCount{{Pattern: "name=same", Count: 212}},
			Customers: 424, Merges: 212, Sample: []ReviewAnswer{exampleReview()}, Contact: contact.Comparison{Flips: []contact.Flip{}}}},
	}, s.bulk)
}

// defaultSample is how many items a dry run shows.
const defaultSample = 10

func (s *server) bulk(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	desk, board, err := s.stewardAndJobs()
	if err != nil {
		return nil, err
	}
	f, err := in.Body.Filter.filter("/filter/")
	if err != nil {
		return nil, err
	}
	if f.Kind == review.KindHold || f.Kind == review.KindVerdict {
		return nil, invalid("/filter/kind", "cannot be decided in bulk", "say pair or group, or leave it out")
	}
	who := callOf(ctx).principal
	b := steward.Bulk{Filter: f, Verdict: in.Body.Verdict, Reason: in.Body.Reason, By: who.Name}
	if in.Body.DryRun {
		return s.bulkPreview(ctx, desk, b, in)
	}
	order := steward.BulkOrder{Filter: in.Body.Filter, Expect: in.Body.Expect}
	if in.Key != "" {
		click, err := s.newClick(who, opReviewBulk, in.Key, in.Body)
		if err != nil {
			return nil, err
		}
		order.ID, order.Mark = uuid.NewSHA1(uuid.NameSpaceOID, []byte(click.id)).String(), click.mark
	}
	job, err := desk.PlanBulk(ctx, board, b, order)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	return &bulkOutput{Body: BulkAnswer{Job: &job}}, nil
}

func (s *server) bulkPreview(ctx context.Context, desk *steward.Desk, b steward.Bulk, in *bulkInput) (*bulkOutput, error) {
	sample := defaultSample
	if in.Body.Sample != nil {
		sample = *in.Body.Sample
	}
	p, err := desk.PreviewBulk(ctx, b, sample)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	a := &BulkPreviewAnswer{Total: p.Total, LeftOut: p.LeftOut, Patterns: p.Patterns, Customers: p.Customers, Merges: p.Merges, Contact: p.Contact}
	if a.Contact.Flips == nil {
		a.Contact.Flips = []contact.Flip{}
	}
	if a.Patterns == nil {
		a.Patterns = []review.PatternCount{}
	}
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	items, err := desk.Views(ctx, p.Sample)
	if err == nil {
		a.Sample, err = s.describeReviews(ctx, v, items, languageOf(in.Accept))
	}
	return &bulkOutput{Body: BulkAnswer{Preview: a}}, err
}

// stewardAndJobs gives both desks that a bulk needs.
func (s *server) stewardAndJobs() (*steward.Desk, *jobs.Desk, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, nil, err
	}
	board, err := s.jobs()
	return desk, board, err
}
