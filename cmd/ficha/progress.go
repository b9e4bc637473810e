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
	part     int64 // of whole, which is zero where it is not known
	whole    int64
	base     int64   // units that were done before: the speed is about the others
	baseline float64 // the share that they were
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
	p.part, p.whole = done, p.total
	p.show(done)
}

// atPart is at for something whose units are not those that say how far it is: so
// many rows are done, which are part of whole in bytes.
func (p *progress) atPart(done, part, whole int64) {
	p.part, p.whole = part, whole
	p.show(done)
}

func (p *progress) show(done int64) {
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
	took := now.Sub(p.started)
	line := fmt.Sprintf("%s  %s %s, %s/s", p.label, thousands(p.lastDone), p.unit, thousands(int64(float64(p.lastDone-p.base)/took.Seconds())))
	if p.whole > 0 {
		line += fmt.Sprintf(", %.0f %%", 100*p.share())
	}
	if left := p.left(took); left > 0 {
		line += fmt.Sprintf(", about %s left", left)
	}
	if !p.bar {
		fmt.Fprintln(p.w, line)
		return
	}
	const width = 24
	filled := int(width * p.share())
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %s", strings.Repeat("█", filled), strings.Repeat("·", width-filled), line)
}

// share is how much of the whole is done, from 0 to 1.
func (p *progress) share() float64 {
	if p.whole <= 0 {
		return 0
	}
	return min(1, float64(p.part)/float64(p.whole))
}

// goesOn says that so much was done before this began.
func (p *progress) goesOn(done, whole int64) {
	p.part, p.whole = done, whole
	p.base, p.baseline = done, p.share()
}

// left is the time that the rest takes at the speed so far; zero: not known.
func (p *progress) left(took time.Duration) time.Duration {
	share := p.share()
	if share <= p.baseline || share >= 1 {
		return 0
	}
	left := time.Duration(float64(took) * (1 - share) / (share - p.baseline))
	return max(time.Second, left.Round(time.Second))
}

// stillWaiting says every ten seconds that something goes on of which nobody
// knows how far it is. The function it gives ends that.
func (a *app) stillWaiting(label string) (end func()) {
	started, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				a.say("%s, for %s so far", label, time.Since(started).Round(time.Second))
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
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
