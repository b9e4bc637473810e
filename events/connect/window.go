package connect

import (
	"errors"
	"fmt"
	"io"
)

// window is a moving view of a text: rows are cut from its front, and it grows
// up to its limit when a row does not end in it.
type window struct {
	r     io.Reader
	buf   []byte
	start int
	end   int
	off   int64 // of buf[start] in the text
	eof   bool
}

func newWindow(r io.Reader, off int64, limit int) *window {
	return &window{r: r, buf: make([]byte, limit+1), off: off}
}

// bytes is what is in view.
func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// full says whether no more can come into view.
func (w *window) full() bool { return w.start == 0 && w.end == len(w.buf) }

// advance leaves n bytes behind.
func (w *window) advance(n int) { w.start, w.off = w.start+n, w.off+int64(n) }

// more reads on. It may move what bytes gave.
func (w *window) more() error {
	if w.eof || w.full() {
		return nil
	}
	if w.start > 0 && (w.end == len(w.buf) || w.start > len(w.buf)/2) {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	to := min(len(w.buf), w.end+64<<10)
	n, err := io.ReadAtLeast(w.r, w.buf[w.end:to], 1)
	w.end += n
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		w.eof = true
	case err != nil:
		return fmt.Errorf("read file: %w", err)
	}
	return nil
}

// skipLine leaves the rest of the line behind, however long.
func (w *window) skipLine(eol byte) error {
	for {
		if i := indexByte(w.bytes(), eol); i >= 0 {
			w.advance(i + 1)
			return nil
		}
		w.advance(w.end - w.start)
		if w.eof {
			return nil
		}
		if err := w.more(); err != nil {
			return err
		}
	}
}
