package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// rejectsFile is the file of rejected rows. It is there only when it has a row:
// a header alone is held back. An import that goes on continues the file that its
// first part left, one that begins replaces it.
type rejectsFile struct {
	path   string
	header []byte // held back until a row follows
	file   *os.File
}

var _ io.WriteCloser = (*rejectsFile)(nil)

// rejectsHead is how the header of every such file begins.
const rejectsHead = "row,result,code,pointer,detail,"

// Write makes the file at the first row.
func (r *rejectsFile) Write(b []byte) (int, error) {
	if r.file != nil {
		return r.file.Write(b)
	}
	if r.header == nil && bytes.HasPrefix(b, []byte(rejectsHead)) {
		n := firstLine(b)
		r.header = bytes.Clone(b[:n])
		if n == len(b) {
			return n, nil
		}
		rest, err := r.Write(b[n:])
		return n + rest, err
	}
	if err := r.open(b); err != nil {
		return 0, err
	}
	return r.file.Write(b)
}

// open begins the file with the header, or takes up the one that an earlier part
// of the same import left: all that it says of rows before the first in b.
func (r *rejectsFile) open(b []byte) error {
	keep := r.header
	if keep == nil {
		var err error
		if keep, err = keptRejects(r.path, rowNumber(b)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make rejects file: %w", err)
	}
	r.file = f
	_, err = f.Write(keep)
	return err
}

// keptRejects gives the lines of a rejects file up to the first one about the row
// before or any later one: those are judged again.
func keptRejects(path string, before int64) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read rejects file: %w", err)
	}
	end := 0
	for end < len(b) {
		n := firstLine(b[end:])
		if rowNumber(b[end:]) >= before {
			break
		}
		end += n
	}
	return b[:end], nil
}

// firstLine gives the length of the first CSV record; quoted line ends belong to it.
func firstLine(b []byte) int {
	c := csv.NewReader(bytes.NewReader(b))
	if _, err := c.Read(); err != nil {
		return len(b)
	}
	return int(c.InputOffset())
}

// rowNumber reads the number that a line begins with; 0 for the header.
func rowNumber(b []byte) int64 {
	number, _, _ := bytes.Cut(b, []byte{','})
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Close closes what was made. Where there was nothing to reject, the file of an
// earlier import of the same name goes too: it would be taken for this one's.
func (r *rejectsFile) Close() error {
	if r.file != nil {
		return r.file.Close()
	}
	if r.header == nil {
		return nil
	}
	b, err := os.ReadFile(r.path)
	if err != nil || !bytes.HasPrefix(b, []byte(rejectsHead)) {
		return nil
	}
	return os.Remove(r.path)
}

// name gives the path, "" where there is no such file.
func (r *rejectsFile) name() string {
	if _, err := os.Stat(r.path); err != nil {
		return ""
	}
	return r.path
}
