package connect

import "encoding/json"

// row is one row of a file: cells under the header of a CSV file, or an object.
type row struct {
	n      int64 // 1 for the first
	end    int64 // where the text goes on after it
	cells  []string
	object json.RawMessage
	raw    []byte // of a row that could not be read
}

// rows gives a file's rows in order. next ends with io.EOF; a *rowError is about
// the one row that is returned with it.
type rows interface {
	next() (row, error)
}

// rowError is why a row was rejected, or what is odd about a value of it.
type rowError struct {
	Code    string
	Pointer string // the column, or a JSON pointer into the event
	Detail  string
}

func (e *rowError) Error() string { return e.Code + ": " + e.Detail }
