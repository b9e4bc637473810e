package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ficha/api/steward"
	"ficha/api/steward/sheet"
)

// Content types of tables.
const (
	typeCSV  = "text/csv"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// maxSheet bounds the body of an import of decisions.
const maxSheet = 16 << 20

type exportInput struct {
	ReviewQuery
	Format string `query:"format" enum:"csv,xlsx" default:"csv" doc:"csv has a byte order mark, so that Excel reads accents"`
}

type exportOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	LeftOut     string `header:"Ficha-Left-Out" doc:"true: more than 20,000 fit; narrow the filter for the rest"`
	Body        []byte
}

// sheetInput is a file as it came.
type sheetInput struct {
	DryRun bool   `query:"dry_run" doc:"Say what would become of each row, and do nothing"`
	Accept string `header:"Accept-Language" doc:"es or en: the language of texts"`

	bytes []byte
	err   error
}

// Resolve implements [huma.Resolver]: it reads the body as it is.
func (in *sheetInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.bytes, in.err = readBody(r, w, ctx.Operation().MaxBodyBytes)
	return nil
}

type sheetOutput struct{ Body steward.Imported }

func (s *server) reviewFileRoutes() {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	register(s, route{
		id: opReviewExport, method: http.MethodGet, path: "/v1/reviews:export", tag: "reviews",
		summary:  "The queue as a table",
		text:     "CSV or XLSX with a column `decision` to fill in. At most 20,000 rows. No cell is taken for a formula: what begins like one has a ' before it.",
		problems: readProblems,
	}, s.exportReviews)
	s.documented("/v1/reviews:export", opReviewExport).Responses["200"] = &huma.Response{
		Description: "OK", Content: map[string]*huma.MediaType{typeCSV: {Schema: binary}, typeXLSX: {Schema: binary}},
	}
	register(s, route{
		id: opReviewImport, method: http.MethodPost, path: "/v1/reviews:import", tag: "reviews",
		summary: "Decide what a table says",
		text: "The file that the export wrote, as CSV or XLSX, with `same`, `different` or `unsure` (`igual`, `distinto`, `duda`) in the column " +
			"`decision`. Each row is answered by itself; rows whose item has changed since are `stale` and left alone. All of it is one job, which can be undone.",
		body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typeCSV: {Schema: binary}, typeXLSX: {Schema: binary}, "application/octet-stream": {Schema: binary},
		}},
		limit: maxSheet, problems: readProblems,
		response: steward.Imported{Job: "0190a3c4-7b1e-7c3a-9b5e-0a8f0f6b7c11", Position: 815, Applied: 1, Rows: []steward.RowResult{
			{Line: 2, ReviewID: exampleReviewID().String(), Result: steward.RowApplied, Position: 815},
		}},
	}, s.importReviews)
}

func (s *server) exportReviews(ctx context.Context, in *exportInput) (*exportOutput, error) {
	desk, err := s.steward()
	if err != nil {
		return nil, err
	}
	f, err := in.ReviewQuery.filter()
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	rows, leftOut, err := desk.Export(ctx, v, f)
	if err != nil {
		return nil, err
	}
	out := &exportOutput{ContentType: typeCSV + "; charset=utf-8", Disposition: `attachment; filename="reviews.csv"`}
	write := sheet.WriteCSV
	if in.Format == "xlsx" {
		out.ContentType, out.Disposition, write = typeXLSX, `attachment; filename="reviews.xlsx"`, sheet.WriteXLSX
	}
	if leftOut {
		out.LeftOut = "true"
	}
	var file bytes.Buffer
	if err := write(&file, rows); err != nil {
		return nil, fmt.Errorf("export reviews: %w", err)
	}
	out.Body = file.Bytes()
	return out, nil
}

func (s *server) importReviews(ctx context.Context, in *sheetInput) (*sheetOutput, error) {
	if in.err != nil {
		return nil, in.err
	}
	desk, board, err := s.stewardAndJobs()
	if err != nil {
		return nil, err
	}
	rows, err := sheet.Read(in.bytes)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	done, err := desk.Import(ctx, board, rows, callOf(ctx).principal.Name, in.DryRun)
	if err != nil {
		return nil, s.stewardProblem(err, in.Accept)
	}
	return &sheetOutput{Body: done}, nil
}
