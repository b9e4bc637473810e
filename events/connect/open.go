package connect

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"ficha/events"
)

// file is an opened file: what its head says, and its rows.
type file struct {
	hash    string // "" where the reader cannot seek
	size    int64  // bytes, 0 where unknown
	format  Format
	letters letters
	head    []byte // as UTF-8
	whole   bool   // head is the whole file
	header  header // of CSV
	text    io.Reader
	raw     io.ReadSeeker // nil where it cannot seek
}

// openFile hashes the file where it can be read twice, and looks at its head.
func openFile(ctx context.Context, r io.Reader, cfg Config) (*file, error) {
	f := &file{format: cfg.Format}
	if s, ok := r.(io.ReadSeeker); ok {
		if err := f.digest(ctx, s); err != nil {
			return nil, err
		}
	}
	buffered := bufio.NewReaderSize(r, headBytes)
	head, err := buffered.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	f.whole = errors.Is(err, io.EOF)
	f.letters = sniffLetters(head, f.whole)
	if f.head, err = f.decodeHead(head); err != nil {
		return nil, err
	}
	if _, err := buffered.Discard(f.letters.bom); err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	f.text = f.letters.text(buffered)
	if f.format == "" {
		f.format = sniffFormat(f.head)
	}
	if f.format == CSV {
		if f.header, err = sniffHeader(f.head, f.whole, cfg.Limits); err != nil {
			return nil, err
		}
		if len(f.header.columns) > cfg.Limits.Columns {
			return nil, fmt.Errorf("read header: more than %d columns: %w", cfg.Limits.Columns, events.ErrTooLarge)
		}
	}
	return f, nil
}

// digest hashes the file and goes back to its start.
func (f *file) digest(ctx context.Context, s io.ReadSeeker) error {
	h := sha256.New()
	n, err := io.Copy(h, cancellable{ctx: ctx, r: s})
	if err != nil {
		return fmt.Errorf("hash file: %w", err)
	}
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		if n == 0 {
			return nil // a pipe that only looks like a file
		}
		return fmt.Errorf("hash file: %w", err)
	}
	f.hash, f.size, f.raw = hex.EncodeToString(h.Sum(nil)), n, s
	return nil
}

// decodeHead gives the head as UTF-8, without what its end has cut.
func (f *file) decodeHead(head []byte) ([]byte, error) {
	head = head[f.letters.bom:]
	if f.letters.decode == nil {
		return bytes.Clone(head), nil
	}
	if !f.whole {
		head = head[:len(head)&^3] // whole UTF-16 units
	}
	text, err := io.ReadAll(f.letters.text(bytes.NewReader(head)))
	if err != nil {
		return nil, fmt.Errorf("read file as %s: %w: %w", f.letters.name, err, events.ErrInvalid)
	}
	return text, nil
}

// rows gives the rows after an offset of the text; the first has number row+1.
func (f *file) rows(offset, row int64, limits Limits) (rows, error) {
	if offset == 0 && f.format == CSV {
		offset = int64(f.header.size)
	}
	if err := f.skip(offset); err != nil {
		return nil, err
	}
	w := newWindow(f.text, offset, limits.Row)
	switch f.format {
	case NDJSON:
		return &jsonLines{w: w, n: row}, nil
	case JSON:
		return &jsonValues{w: w, n: row}, nil
	}
	return &csvRows{w: w, d: f.header.dialect, limits: limits, columns: len(f.header.columns), n: row}, nil
}

// skip leaves the text before an offset behind: by seeking where bytes are
// letters, else by reading.
func (f *file) skip(offset int64) error {
	if f.raw != nil && f.letters.decode == nil {
		if _, err := f.raw.Seek(offset+int64(f.letters.bom), io.SeekStart); err != nil {
			return fmt.Errorf("seek file: %w", err)
		}
		f.text = f.raw
		return nil
	}
	if _, err := io.CopyN(io.Discard, f.text, offset); err != nil {
		return fmt.Errorf("skip what came in before: %w", err)
	}
	return nil
}

// sample gives up to n rows of the head, without disturbing the file.
func (f *file) sample(n int, limits Limits) []row {
	copied := *f
	copied.raw, copied.text, copied.letters = nil, bytes.NewReader(f.head), letters{}
	limits.Row = max(limits.Row, 1)
	r, err := copied.rows(0, 0, limits)
	var out []row
	for err == nil && len(out) < n {
		var next row
		if next, err = r.next(); err == nil {
			out = append(out, next)
			continue
		}
		var bad *rowError
		if errors.As(err, &bad) {
			err = nil
			if next.end >= int64(len(f.head)) {
				break
			}
		}
	}
	return out
}

// cancellable is a reader that ends with its context.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
