package natslog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ficha/events"
)

// tail is the last event that was acknowledged, or nothing (zero position).
type tail struct {
	position events.Position
	epoch    time.Time
	hash     [sha256.Size]byte
}

const (
	tailMagic = "FICHATL1"
	tailSlot  = 512
	tailBody  = len(tailMagic) + 8 + 8 + sha256.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t tail) encode() []byte {
	b := make([]byte, tailSlot)
	n := copy(b, tailMagic)
	binary.LittleEndian.PutUint64(b[n:], uint64(t.position))
	binary.LittleEndian.PutUint64(b[n+8:], uint64(t.epoch.UnixNano()))
	copy(b[n+16:], t.hash[:])
	binary.LittleEndian.PutUint32(b[tailBody:], crc32.Checksum(b[:tailBody], castagnoli))
	return b
}

// decodeTail reads one slot; false when it is not whole.
func decodeTail(b []byte) (tail, bool) {
	if len(b) < tailBody+4 || string(b[:len(tailMagic)]) != tailMagic ||
		binary.LittleEndian.Uint32(b[tailBody:]) != crc32.Checksum(b[:tailBody], castagnoli) {
		return tail{}, false
	}
	rest := b[len(tailMagic):tailBody]
	t := tail{
		position: events.Position(binary.LittleEndian.Uint64(rest)),
		epoch:    time.Unix(0, int64(binary.LittleEndian.Uint64(rest[8:]))).UTC(),
	}
	copy(t.hash[:], rest[16:])
	return t, true
}

// tailFile keeps the tail. A nil *tailFile keeps nothing.
type tailFile struct {
	f    *os.File
	next int64 // slot to write
}

// openTail opens the file, or makes it, and gives what it holds. made says that
// there was none. A file of which no slot is whole is ErrDamaged.
func openTail(path string) (t *tailFile, last tail, made bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		t, err = makeTail(path)
		return t, tail{}, true, err
	}
	if err != nil {
		return nil, tail{}, false, fmt.Errorf("open tail file: %w", err)
	}
	t = &tailFile{f: f}
	if last, err = t.read(); err != nil {
		return nil, tail{}, false, errors.Join(err, f.Close())
	}
	return t, last, false, nil
}

// makeTail makes a file with an empty tail in both slots and syncs it, so that
// later writes change bytes in place and need no sync to be found.
func makeTail(path string) (*tailFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make tail file: %w", err)
	}
	empty := tail{epoch: time.Unix(0, 0)}.encode()
	_, err = f.WriteAt(append(empty, empty...), 0)
	if err = errors.Join(err, f.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("make tail file: %w", errors.Join(err, f.Close()))
	}
	return &tailFile{f: f}, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (t *tailFile) read() (tail, error) {
	b := make([]byte, 2*tailSlot)
	if _, err := t.f.ReadAt(b, 0); err != nil {
		return tail{}, fmt.Errorf("read tail file: %w: %w", err, events.ErrDamaged)
	}
	first, firstOK := decodeTail(b[:tailSlot])
	second, secondOK := decodeTail(b[tailSlot:])
	switch {
	case !firstOK && !secondOK:
		return tail{}, fmt.Errorf("read tail file: neither of its slots is whole: %w", events.ErrDamaged)
	case firstOK && (!secondOK || first.position >= second.position):
		t.next = 1
		return first, nil
	}
	t.next = 0
	return second, nil
}

func (t *tailFile) write(last tail) error {
	if t == nil {
		return nil
	}
	if _, err := t.f.WriteAt(last.encode(), t.next*tailSlot); err != nil {
		return fmt.Errorf("write tail file: %w: %w", err, events.ErrUnavailable)
	}
	t.next = 1 - t.next
	return nil
}

func (t *tailFile) close() error {
	if t == nil {
		return nil
	}
	return t.f.Close()
}
