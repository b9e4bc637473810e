package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress shows how far a long step is: a bar on a terminal, a line every ten
// seconds elsewhere, nothing for what is over within a second. One goroutine
// uses it.
type progress struct {
	w        io.Writer
	label    string
	unit     string
	bar      bool
	now      func() time.Time
	started  time.Time
	shown    time.Time
	lastDone int64
	total    int64
}

func (a *app) progress(label, unit string, total int64) *progress {
	f, ok := a.std.err.(*os.File)
	p := &progress{w: a.std.err, label: label, unit: unit, total: total, now: time.Now}
	p.bar = ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	p.started = p.now()
	p.shown = p.started
	return p
}

// at shows that done units are done. total may be zero: not known.
func (p *progress) at(done int64) {
	now := p.now()
	p.lastDone = done
	pause := 10 * time.Second
	if p.bar {
		pause = 100 * time.Millisecond
	}
	if now.Sub(p.started) < time.Second || now.Sub(p.shown) < pause {
		return
	}
	p.shown = now
	p.draw(now)
}

func (p *progress) draw(now time.Time) {
	line := fmt.Sprintf("%s  %s %s, %s/s", p.label, thousands(p.lastDone), p.unit, thousands(int64(float64(p.lastDone)/now.Sub(p.started).Seconds())))
	if p.total > 0 {
		line += fmt.Sprintf(", %d %%", 100*p.lastDone/p.total)
	}
	if !p.bar {
		fmt.Fprintln(p.w, line)
		return
	}
	const width = 24
	filled := 0
	if p.total > 0 {
		filled = int(min(width, width*p.lastDone/p.total))
	}
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %s", strings.Repeat("█", filled), strings.Repeat("·", width-filled), line)
}

// end clears the bar.
func (p *progress) end() {
	if p.bar && p.shown != p.started {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// thousands groups digits with a thin space, as both languages read it.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
