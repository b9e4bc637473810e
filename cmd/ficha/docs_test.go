package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"

	"ficha/internal/testneeds"
)

// document is a page of the documentation.
type document struct {
	path string // from the repository's root
	text string
}

// documents reads README, CONTRIBUTING and everything under docs.
func documents(t *testing.T) []document {
	t.Helper()
	root := testneeds.RepoRoot(t)
	paths := []string{"README.md", "CONTRIBUTING.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".md") {
			p, err = filepath.Rel(root, p)
			paths = append(paths, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]document, len(paths))
	for i, p := range paths {
		all[i] = document{path: filepath.ToSlash(p), text: readRepo(t, p)}
	}
	return all
}

// readRepo reads a file of the repository.
func readRepo(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testneeds.RepoRoot(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks gives the fenced blocks of a language.
func (d document) blocks(language string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(d.text, -1) {
		all = append(all, m[1])
	}
	return all
}

// prose is the text without its fenced blocks.
func (d document) prose() string {
	return regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(d.text, "")
}

// table gives the rows of every table that has the header.
func (d document) table(t *testing.T, header ...string) [][]string {
	t.Helper()
	var rows [][]string
	inside := false
	for line := range strings.Lines(d.text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case slices.Equal(cells, header):
			inside = true
		case inside && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table with the header %v", d.path, header)
	}
	return rows
}

// codes gives what stands between backticks.
func codes(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// page reads one page under docs.
func page(t *testing.T, name string) document {
	t.Helper()
	path := filepath.Join("docs", name)
	return document{path: path, text: readRepo(t, path)}
}

// sameWords compares a column of the documentation with what the program says.
func sameWords(t *testing.T, what string, documented, there []string) {
	t.Helper()
	for _, w := range documented {
		if !slices.Contains(there, w) {
			t.Errorf("%s: %q is documented, but is not there", what, w)
		}
	}
	for _, w := range there {
		if !slices.Contains(documented, w) {
			t.Errorf("%s: %q is not documented", what, w)
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(documented)))); n != len(documented) {
		t.Errorf("%s: %d entries, %d different ones", what, len(documented), n)
	}
}

// TestDocsLinksResolve follows every relative link, to the heading.
func TestDocsLinksResolve(t *testing.T) {
	all := documents(t)
	headings := map[string][]string{}
	for _, d := range all {
		headings[d.path] = d.headings()
	}
	links := 0
	for _, d := range all {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(d.prose(), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			target, heading, _ := strings.Cut(m[1], "#")
			file := d.path
			if target != "" {
				file = filepath.ToSlash(filepath.Join(filepath.Dir(d.path), target))
			}
			if _, err := os.Stat(filepath.Join(testneeds.RepoRoot(t), file)); err != nil {
				t.Errorf("%s links to %s, which is not there", d.path, m[1])
			} else if heading != "" && !slices.Contains(headings[file], heading) {
				t.Errorf("%s links to %s; %s has no such heading", d.path, m[1], file)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

// headings gives the anchors that GitHub makes of a page's headings.
func (d document) headings() []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(d.prose(), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return all
}

// TestDocsCommandsAreAccepted parses every command line of ficha, in blocks as it
// would be run, in the text as a mention: command and flags must be there.
func TestDocsCommandsAreAccepted(t *testing.T) {
	lines, mentions := 0, 0
	for _, d := range documents(t) {
		text := strings.Join(d.blocks("sh"), "\n")
		for _, m := range regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(d.prose(), -1) {
			text += "\n" + m[1]
		}
		for _, words := range shellCommands(text, func(string) string { return "value" }) {
			if args, ok := fichaArgs(words); ok {
				lines++
				if err := acceptable(args, true); err != nil {
					t.Errorf("%s: %s: %v", d.path, strings.Join(words, " "), err)
				}
			}
		}
		for _, span := range codes(d.prose()) {
			if !strings.HasPrefix(span, "ficha ") {
				continue
			}
			mentions++
			for _, words := range shellCommands(span, func(string) string { return "value" }) {
				if err := acceptable(words[1:], false); err != nil {
					t.Errorf("%s: `%s`: %v", d.path, span, err)
				}
			}
		}
	}
	if lines < 20 || mentions < 20 {
		t.Errorf("only %d command lines and %d mentions were found", lines, mentions)
	}
}

// fichaArgs gives the arguments where words call ficha.
func fichaArgs(words []string) ([]string, bool) {
	for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) > 3 && slices.Equal(words[:3], []string{"go", "run", "./cmd/ficha"}) {
		return words[3:], true
	}
	if len(words) > 0 && (words[0] == "ficha" || words[0] == "./ficha") {
		return words[1:], true
	}
	return nil, false
}

// acceptable says what the command line would not take; whole: its arguments too.
func acceptable(args []string, whole bool) error {
	cmd, rest, err := newRoot(streams{}).Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	given := cmd.Flags().Args()
	if cmd.HasSubCommands() && (len(given) > 0 || whole && !asksForVersion(cmd)) {
		return fmt.Errorf("%q is no command of %s", given, cmd.CommandPath())
	}
	if whole && !cmd.HasSubCommands() {
		return cmd.ValidateArgs(given)
	}
	return nil
}

func asksForVersion(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup("version")
	return f != nil && f.Changed
}

// shellCommands splits sh text into commands of words, as far as the documentation
// uses the shell: quotes, variables, continued lines, comments, pipes. Redirections
// are left out.
func shellCommands(text string, variable func(name string) string) [][]string {
	s := shellReader{rest: text, variable: variable}
	for s.rest != "" {
		s.step()
	}
	s.endCommand()
	return s.commands
}

// shellReader is a small part of a shell's reader.
type shellReader struct {
	rest     string
	variable func(string) string
	word     strings.Builder
	open     bool // a word has begun, be it empty
	words    []string
	commands [][]string
}

func (s *shellReader) step() {
	c := s.rest[0]
	switch {
	case strings.HasPrefix(s.rest, "\\\n"):
		s.rest = s.rest[2:]
		return
	case c == '\n' || c == '|' || c == ';':
		s.endCommand()
	case c == ' ' || c == '\t':
		s.endWord()
	case c == '#' && !s.open:
		_, after, _ := strings.Cut(s.rest, "\n")
		s.rest = "\n" + after
		s.endCommand()
	case c == '\'':
		inside, _, _ := strings.Cut(s.rest[1:], "'")
		s.add(inside)
		s.rest = s.rest[1+len(inside):]
	case c == '"':
		inside, _, _ := strings.Cut(s.rest[1:], `"`)
		s.add(s.expand(inside))
		s.rest = s.rest[1+len(inside):]
	case c == '$':
		name := regexp.MustCompile(`^\$[A-Z_]+`).FindString(s.rest)
		s.add(s.expand(name))
		s.rest = s.rest[max(len(name), 1):]
		return
	default:
		s.add(string(c))
	}
	s.rest = s.rest[min(1, len(s.rest)):]
}

func (s *shellReader) add(text string) { s.open = true; s.word.WriteString(text) }

func (s *shellReader) expand(text string) string {
	return os.Expand(text, s.variable)
}

func (s *shellReader) endWord() {
	if s.open {
		s.words = append(s.words, s.word.String())
	}
	s.open = false
	s.word.Reset()
}

func (s *shellReader) endCommand() {
	s.endWord()
	if i := slices.Index(s.words, ">"); i >= 0 {
		s.words = s.words[:i]
	}
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}

func TestShellCommands(t *testing.T) {
	text := "A=b ficha 'x y' \"$V-z\" $V \\\n  last # comment\n\n# all of it\nficha gen > file | wc -l\n"
	got := shellCommands(text, func(name string) string { return "<" + name + ">" })
	want := [][]string{{"A=b", "ficha", "x y", "<V>-z", "<V>", "last"}, {"ficha", "gen"}, {"wc", "-l"}}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(got[0]) != 6 {
		t.Errorf("got %q", got)
	}
}

// TestDocsNamedTestsExist: a promise that names a test has it.
func TestDocsNamedTestsExist(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	eachSource(t, "", func(_, text string) {
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			there[m[1]] = true
		}
	})
	named := 0
	for _, d := range documents(t) {
		for _, span := range codes(d.prose()) {
			if regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w+$`).MatchString(span) {
				named++
				if !there[span] {
					t.Errorf("%s names %s, which is no test", d.path, span)
				}
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d tests are named", named)
	}
}

// eachSource visits the Go files below a folder of the repository.
func eachSource(t *testing.T, under string, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(testneeds.RepoRoot(t), under), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		b, err := os.ReadFile(p)
		if err == nil {
			visit(p, string(b))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDocsSayNothingOfTheFuture keeps words of promise and salesmanship out.
func TestDocsSayNothingOfTheFuture(t *testing.T) {
	words := regexp.MustCompile(`(?i)\b(coming soon|in the future|will be added|planned|roadmap|TODO|TBD|powerful|seamless|blazing|world-class|cutting-edge)\b`)
	for _, d := range documents(t) {
		if found := words.FindString(d.text); found != "" {
			t.Errorf("%s says %q", d.path, found)
		}
	}
}
