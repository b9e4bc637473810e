package connect

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// remark is one line of a rejects file.
type remark struct {
	row      row
	rejected bool
	why      rowError
}

// rejects writes the rejects file and counts codes.
type rejects struct {
	csv   *csv.Writer // nil: counting only
	codes map[string]int64
}

// newRejects writes the header too, unless a run goes on.
func newRejects(w io.Writer, columns []string, resumed bool, codes map[string]int64) (*rejects, error) {
	r := &rejects{codes: codes}
	if r.codes == nil {
		r.codes = make(map[string]int64)
	}
	if w == nil {
		return r, nil
	}
	r.csv = csv.NewWriter(w)
	if resumed {
		return r, nil
	}
	head := []string{"row", "result", "code", "pointer", "detail"}
	if len(columns) == 0 {
		columns = []string{"object"}
	}
	if err := r.csv.Write(append(head, columns...)); err != nil {
		return nil, fmt.Errorf("write rejects: %w", err)
	}
	return r, nil
}

// add writes a remark with its row.
func (r *rejects) add(m remark) error {
	r.codes[m.why.Code]++
	if r.csv == nil {
		return nil
	}
	result := "kept"
	if m.rejected {
		result = "rejected"
	}
	line := []string{strconv.FormatInt(m.row.n, 10), result, m.why.Code, m.why.Pointer, m.why.Detail}
	switch {
	case m.row.cells != nil:
		line = append(line, m.row.cells...)
	case m.row.object != nil:
		line = append(line, string(m.row.object))
	default:
		line = append(line, string(m.row.raw))
	}
	if err := r.csv.Write(line); err != nil {
		return fmt.Errorf("write rejects: %w", err)
	}
	return nil
}

// flush hands everything to the file.
func (r *rejects) flush() error {
	if r.csv == nil {
		return nil
	}
	r.csv.Flush()
	if err := r.csv.Error(); err != nil {
		return fmt.Errorf("write rejects: %w", err)
	}
	return nil
}
