// Package docs holds the guides. What their tables say of the keys of a file is
// also what editors show of them: it is said once.
package docs

import (
	"embed"
	"regexp"
	"strings"
)

//go:embed configuration.md http-json.md rules.md trying-rules.md
var pages embed.FS

var (
	named  = regexp.MustCompile("^`([a-z_-]+)`")
	inCode = regexp.MustCompile("`([a-z_0-9]+)`")
	link   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	below  = regexp.MustCompile(`[;,] see below$`)
)

// About is the table of what the lines before other tables say of their keys.
const About = "about"

// Keys returns what the tables of a page say of keys, by table and key. A table
// is called by the key or the few words that begin the line before it, in lower
// case, else by its heading.
func Keys(page string) map[string]map[string]string {
	text, err := pages.ReadFile(page)
	if err != nil {
		return nil
	}
	tables := map[string]map[string]string{About: {}}
	heading, before, table := "", "", ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			heading = strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			before = ""
		case strings.HasPrefix(line, "| key |"):
			table = calls(heading, before)
			tables[table] = map[string]string{}
			if _, said, ok := strings.Cut(before, "`: "); ok && named.MatchString(before) {
				tables[About][table] = plain(strings.TrimSuffix(said, "."))
			}
		case strings.HasPrefix(line, "| `") && table != "":
			addRow(tables[table], line)
		case line != "" && !strings.HasPrefix(line, "|"):
			before, table = line, ""
		}
	}
	return tables
}

func calls(heading, before string) string {
	if m := named.FindStringSubmatch(before); m != nil {
		return m[1]
	}
	if words := strings.TrimSuffix(before, ":"); words != before && len(strings.Fields(words)) <= 3 {
		return strings.ToLower(words)
	}
	return heading
}

func addRow(keys map[string]string, line string) {
	cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "\x00"), "| "), "|")
	if len(cells) < 2 {
		return
	}
	said := plain(strings.ReplaceAll(strings.TrimSpace(cells[len(cells)-1]), "\x00", "|"))
	for _, m := range inCode.FindAllStringSubmatch(cells[0], -1) {
		keys[m[1]] = said
	}
}

// plain is a text without its marks.
func plain(text string) string {
	return strings.ReplaceAll(below.ReplaceAllString(link.ReplaceAllString(text, "$1"), ""), "`", "")
}
