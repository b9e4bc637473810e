package main

import (
	"path/filepath"
	"sort"
	"strings"

	"ficha/events/connect"
)

// importAnswer is what --json says of an import, one object a file.
type importAnswer struct {
	File    string `json:"file"`
	Rejects string `json:"rejects_file,omitempty"`
	connect.Summary
}

// maxColumns is how many ignored columns are named.
const maxColumns = 12

func (a *app) showImport(path string, sum connect.Summary, rejects string) error {
	if a.json {
		return a.print(importAnswer{File: path, Rejects: rejects, Summary: sum})
	}
	resumed := ""
	if sum.Resumed {
		resumed = " (went on where it had stopped; the counts are of the whole file)"
	}
	a.say("%s: %s rows: %s appended, %s unchanged, %s duplicates, %s rejected%s", filepath.Base(path), thousands(sum.Rows),
		thousands(sum.Appended), thousands(sum.Unchanged), thousands(sum.Duplicate), thousands(sum.Rejected), resumed)
	if sum.Statements > 0 {
		a.say("  %s statements about contact, from columns that say so", thousands(sum.Statements))
	}
	if n := len(sum.Ignored); n > 0 {
		more := ""
		if n > maxColumns {
			more = " and " + thousands(int64(n-maxColumns)) + " more"
		}
		a.say("  ignored columns: %s%s (map them with --map, or keep them with --keep-unmapped)",
			strings.Join(sum.Ignored[:min(n, maxColumns)], ", "), more)
	}
	codes := make([]string, 0, len(sum.Remarks))
	for code := range sum.Remarks {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		a.say("  %s: %s", code, thousands(sum.Remarks[code]))
	}
	if rejects != "" {
		a.say("  rejected rows and remarks are in %s; it holds personal data", rejects)
	}
	return nil
}
