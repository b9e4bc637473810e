// Package testneeds answers what a test needs beyond Go: shared data, a
// database, a browser. What is missing is said in one line with how to get it;
// what FICHA_REQUIRE names (comma separated: data, postgres, chromium) must be
// there, so that CI never skips in silence.
package testneeds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// T is the part of *testing.T that is needed here; taking the interface keeps
// package testing out of whatever imports this package.
type T interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Shared gives the folder with the labelled data sets: FICHA_SHARED, or
// ../shared beside the repository. Without it the test is skipped, or fails
// where FICHA_REQUIRE names data.
func Shared(t T) string {
	t.Helper()
	dir := os.Getenv("FICHA_SHARED")
	if dir == "" {
		dir = filepath.Join(RepoRoot(t), "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "README.md")); err != nil {
		Missing(t, "data", "labelled data sets", "put them in ../shared/data beside the repository, or set FICHA_SHARED to the folder above data")
	}
	return dir
}

// Missing skips the test with what is missing and the remedy, or fails it where
// FICHA_REQUIRE names the need.
func Missing(t T, need, what, remedy string) {
	t.Helper()
	if Required(need) {
		t.Fatalf("FICHA_REQUIRE names %s, but there is no %s: %s", need, what, remedy)
	}
	t.Skipf("SKIPPED: needs %s; to run it: %s", what, remedy)
}

// Required says whether FICHA_REQUIRE names the need.
func Required(need string) bool {
	return slices.Contains(strings.Split(os.Getenv("FICHA_REQUIRE"), ","), need)
}

// RepoRoot is the folder that holds go.mod, from wherever the test runs.
func RepoRoot(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("find working directory: %v", err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("no go.mod above the working directory")
	return ""
}
