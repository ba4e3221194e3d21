package expression_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/billwatch/billwatch/internal/expression"
)

func TestWhatIsTooMuchIsRefusedWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		what, text, says string
		at               int
	}{
		{"nothing", " \n", "is empty", 0},
		{"a long text", strings.Repeat("1 + ", 5000) + "1", "is longer than 16 KiB", 0},
		{"no text", "\xff", "is not valid UTF-8", 0},
		{"50,000 brackets", "1 + " + strings.Repeat("(", 9000), "more than 200 brackets within brackets", 204},
		{"brackets of all kinds", strings.Repeat("([{", 100), "more than 200 brackets within brackets", 200},
		{"brackets within a text are none", `"` + strings.Repeat("(", 300) + `" == `, "ends too early", 305},
		{"many signs", strings.Repeat("!", 9000) + "a", "has more than 2000 parts", -1},
		{"many parts", strings.Repeat("1+", 2500) + "1", "has more than 2000 parts", -1},
		{"emoji before it", `"😀" = 1`, `unexpected "="`, 4},
		{"a large number", "99999999999999999999", "integer is too large", -1},
		{"an end", "1 +", "ends too early", -1},
	} {
		_, wrong := expression.Parse(c.text)
		if wrong == nil || wrong.Message != c.says || c.at >= 0 && wrong.At != c.at {
			t.Errorf("%s: got %+v, want %q at %d", c.what, wrong, c.says, c.at)
		}
	}
	for _, fine := range []string{"1", strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), "a.b?.c ?? 1", "'(((' == \"]]\""} {
		if _, wrong := expression.Parse(fine); wrong != nil {
			t.Errorf("%s: %+v", fine, wrong)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("é", 513):       "regular expression is longer than 512 characters",
		"(((a{1,100}){1,100}){1,100})": "regular expression: invalid repeat count",
		"(":                            "regular expression: missing closing )", strings.Repeat("é", 512): "",
	} {
		_, err := expression.Pattern(text)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%.20s: got %v, want %q", text, err, want)
		}
	}
}

// FuzzParse reads whatever there is: soon, with a place within it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"balance < 1000 || suspended", `a matches "x+"`, "((((", "!!!!1", "{a: [1, 2][0]}", "1..2", "let a = 1; a", "any(a, # > 1)", `"\u00e9" + 'x'`, "`", "a ? b : c ?? d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		tree, wrong := expression.Parse(text)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		if (tree == nil) == (wrong == nil) {
			t.Errorf("%v and %+v", tree, wrong)
		}
		if wrong != nil && (wrong.Message == "" || wrong.At < 0 || wrong.At > utf8.RuneCountInString(text)) {
			t.Errorf("%+v in %d characters", wrong, utf8.RuneCountInString(text))
		}
	})
}
