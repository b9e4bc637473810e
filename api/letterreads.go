package api

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ficha/api/apikey"
	"ficha/events"
	"ficha/events/gateway"
	"ficha/projections"
	"ficha/projections/letters"
	"ficha/projections/runner"
)

// A page looks at so many dead letters, and so many bytes of them, before it
// answers with what it found and a cursor: filters may leave few of many.
const (
	maxLettersRead = 5_000
	maxLetterBytes = 64 << 20
)

// letter is a dead letter as the routes work with it.
type letter struct {
	name        letters.Name
	view        LetterView
	original    []byte
	provisional string // see events.DeadLetter
}

// letterFilter says which dead letters a page is of.
type letterFilter struct {
	who     apikey.Principal
	kind    letters.Kind
	source  string
	code    string
	since   time.Time
	settled string
}

func (f letterFilter) takes(l *letter) bool {
	return maySee(f.who, l.view.Source) && (f.source == "" || l.view.Source == f.source) && !l.view.RecordedAt.Before(f.since) &&
		(f.code == "" || slices.Contains(codesIn(l.view.Reason), f.code)) &&
		(f.settled == "all" || (f.settled == "yes") == (l.view.Settled != nil))
}

// codesIn gives the words of a reason, the codes among them.
func codesIn(reason string) []string {
	return strings.FieldsFunc(reason, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' })
}

func (s *server) listLetters(ctx context.Context, in *letterListInput) (*letterListOutput, error) {
	v, err := s.view(ctx, in.position())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	f := letterFilter{who: callOf(ctx).principal, kind: in.Kind, source: in.Source, code: in.Reason, since: in.Since, settled: orElse(in.Settled, "no")}
	out := LettersAnswer{AsOf: v.asOf, Data: []LetterView{}}
	limit, seen, size := orElse(in.Limit, 100), 0, 0
	after, err := parseLetterCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	for l, err := range s.lettersAfter(ctx, v, f, after) {
		if err != nil {
			return nil, err
		}
		if f.takes(&l) {
			out.Data = append(out.Data, l.view)
		}
		seen, size = seen+1, size+len(l.original)
		if len(out.Data) == limit || seen == maxLettersRead || size > maxLetterBytes {
			out.NextCursor = &l.view.ID
			break
		}
	}
	return &letterListOutput{Body: out}, nil
}

// parseLetterCursor reads the id of the last letter of the page before; the zero
// name is the beginning.
func parseLetterCursor(cursor string) (letters.Name, error) {
	if cursor == "" {
		return letters.Name{}, nil
	}
	after, err := letters.Parse(cursor)
	if err != nil {
		return after, invalid("#query/cursor", "not a cursor of this list", "give next_cursor of the page before")
	}
	return after, nil
}

// lettersAfter yields the dead letters after one, those of the door first.
func (s *server) lettersAfter(ctx context.Context, v *view, f letterFilter, after letters.Name) iter.Seq2[letter, error] {
	return func(yield func(letter, error) bool) {
		if f.kind != letters.Folded && after.Kind != letters.Folded && s.cfg.DeadLetters != nil {
			for kept, err := range s.cfg.DeadLetters.List(ctx, events.LetterRange{After: after.Number, Source: f.source}) {
				var l letter
				if err == nil {
					l, err = inboxLetter(ctx, v, kept)
				}
				if !yield(l, err) || err != nil {
					return
				}
			}
		}
		if f.kind == letters.Inbox {
			return
		}
		for row, err := range v.Scan(ctx, runner.DeadLettersTable, foldLettersAfter(after)) {
			var l letter
			if err == nil {
				l, err = s.foldLetter(ctx, v, row.Value)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// foldLettersAfter is the range of rows behind one letter's.
func foldLettersAfter(after letters.Name) projections.Range {
	if after.Kind != letters.Folded {
		return projections.Range{}
	}
	return projections.Range{From: append(foldLetterKey(after), 0)}
}

// foldLetterKey is the key of package runner's row.
func foldLetterKey(n letters.Name) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(n.Projection), 0), uint64(n.Position))
}

// findLetter gives the letter with an id, if the caller may see it.
func (s *server) findLetter(ctx context.Context, v *view, id string) (letter, error) {
	missing := notFound("dead letter")
	name, err := letters.Parse(id)
	if err != nil {
		return letter{}, missing
	}
	var l letter
	if name.Kind == letters.Inbox {
		l, err = s.readInboxLetter(ctx, v, name.Number)
	} else {
		l, err = s.readFoldLetter(ctx, v, name)
	}
	if errors.Is(err, events.ErrNotFound) || err == nil && !maySee(callOf(ctx).principal, l.view.Source) {
		return letter{}, missing
	}
	return l, err
}

func (s *server) readInboxLetter(ctx context.Context, v *view, number uint64) (letter, error) {
	kept, err := s.letterSource()
	if err != nil {
		return letter{}, err
	}
	d, err := kept.Get(ctx, number)
	if err != nil {
		return letter{}, fmt.Errorf("read dead letter: %w", err)
	}
	return inboxLetter(ctx, v, d)
}

func (s *server) readFoldLetter(ctx context.Context, v *view, name letters.Name) (letter, error) {
	row, ok, err := v.Get(ctx, runner.DeadLettersTable, foldLetterKey(name))
	if err != nil {
		return letter{}, fmt.Errorf("read dead letter: %w", err)
	}
	if !ok {
		return letter{}, fmt.Errorf("read dead letter: %w", events.ErrNotFound)
	}
	return s.foldLetter(ctx, v, row)
}

func inboxLetter(ctx context.Context, v *view, d events.DeadLetter) (letter, error) {
	l := letter{name: letters.OfInbox(d.Number), original: d.Bytes, provisional: d.Provisional}
	l.view = LetterView{
		ID: l.name.String(), Kind: letters.Inbox, Source: d.Source, EventID: d.ID, Via: d.Via, RecordedAt: d.Recorded.UTC(), Reason: d.Reason,
	}
	if d.Provisional != "" {
		l.view.Statement = events.StatementID(gateway.Source, d.Provisional)
	}
	return l, l.readSettled(ctx, v)
}

// foldLetter completes a row of package runner with the event in the log.
func (s *server) foldLetter(ctx context.Context, v *view, row []byte) (letter, error) {
	var d runner.DeadLetter
	if err := json.Unmarshal(row, &d); err != nil {
		return letter{}, fmt.Errorf("decode dead letter: %w", events.ErrDamaged)
	}
	stored, err := s.cfg.Log.Get(ctx, d.Position)
	if err != nil {
		return letter{}, fmt.Errorf("read event of dead letter: %w", err)
	}
	l := letter{name: letters.OfFold(d.Projection, d.Position)}
	l.view = LetterView{
		ID: l.name.String(), Kind: letters.Folded, Source: d.Source, EventID: stored.ID, Type: d.Type, Projection: d.Projection,
		At: &d.Position, RecordedAt: stored.RecordedTime.UTC(), Reason: d.Reason,
	}
	if l.original, err = json.Marshal(stored.Envelope); err != nil {
		return letter{}, fmt.Errorf("encode event of dead letter: %w", err)
	}
	return l, l.readSettled(ctx, v)
}

func (l *letter) readSettled(ctx context.Context, v *view) error {
	settled, ok, err := letters.Find(ctx, v, l.name)
	if ok {
		l.view.Settled = &settled
	}
	return err
}

// shownBytes gives what came as a text where it is one.
func shownBytes(b []byte) (string, []byte) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	return "", b
}
