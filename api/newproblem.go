package api

// NewProblem gives a problem of the table by its code, for another surface of the
// same interface that must refuse what never reaches a route. detail may be "":
// what the table says. Nothing of the request may be in it.
func NewProblem(status int, code, detail string) *Problem {
	p := newProblem(status, code)
	if detail != "" {
		p.Detail = detail
	}
	return p
}
