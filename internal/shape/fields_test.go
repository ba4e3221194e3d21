package shape_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/internal/shape"
)

func parse(t *testing.T, text string) *shape.Document {
	t.Helper()
	d, err := shape.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func TestWhatAnAnswerLooksLike(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"texts by their length", `{"a":"somebody","b":""}`, "a string(8)\nb string(0)"},
		{"characters, not bytes", `{"a":"Söhne 🚲"}`, "a string(7)"},
		{"numbers", `{"a":12,"b":1.5,"c":5e3,"d":"57.92","e":"+2."}`, "a integer\nb number\nc number\nd decimal text\ne decimal text"},
		{"negative ones", `{"a":-12,"b":-0.5,"c":"-3"}`, "a negative integer\nb negative number\nc negative decimal text"},
		{"dates", `{"a":"2026-01-02T03:04:05.12Z","b":"2026-01-02","c":"2026-13-02"}`, "a date\nb date\nc string(10)"},
		{"null and booleans", `{"a":null,"b":true,"c":false}`, "a null\nb boolean\nc boolean"},
		{"rows, together", `{"r":[{"a":"x"},{"a":"long"},{"b":1,"a":null}]}`, "r array[3]\nr[] object\nr[].a string(1-4), null\nr[].b integer 1/3"},
		{"below what they stand in, in whatever row they came first", `{"r":[{"p":{"a":1},"z":1},{"p":{"b":1},"z":1}]}`,
			"r array[2]\nr[] object\nr[].p object\nr[].p.a integer 1/2\nr[].p.b integer 1/2\nr[].z integer"},
		{"no object", `[1,"x"]`, " array[2]\n[] integer, string(1)"},
		{"keys that are values elsewhere", `{"ids":["acme"],"by":{"acme":{"x":1}}}`, "ids array[1]\nids[] string(4)\nby object\nby.* object\nby.*.x integer"},
		{"keys that no programmer writes", `{"by":{"org 1":1,"a@b.c":2,"5f4a9":3,"line1":4}}`, "by object\nby.* integer 3/1\nby.line1 integer"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var lines []string
			for _, f := range shape.Fields([]*shape.Document{parse(t, c.text)}, nil) {
				line := f.Path + " " + strings.Join(f.Types, ", ")
				if f.Seen != f.Of {
					line += fmt.Sprintf(" %d/%d", f.Seen, f.Of)
				}
				lines = append(lines, line)
			}
			if diff := cmp.Diff(c.want, strings.Join(lines, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	fields := shape.Fields([]*shape.Document{parse(t, `{"r":[{"a":"x","m":{"value":"1"},"n":null}]}`)}, nil)
	got := shape.Missing([]string{"r[].a", "r[].m", "r[].b", "r[].n.c", "q"}, fields)
	if diff := cmp.Diff([]string{"r[].b", "q"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "is empty"}, {" \n", "is empty"}, {"<html>", "is not whole JSON"}, {`{"a":`, "is not whole JSON"},
		{`{"a":1`, "is not whole JSON"}, {`{} {}`, "goes on after its value"}, {`{"a":tru}`, "is not whole JSON"},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), "is nested more than 100 deep"},
	} {
		if _, err := shape.Parse([]byte(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%.20q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestPagesAreLookedAtTogether(t *testing.T) {
	pages := []*shape.Document{parse(t, `{"r":[{"state":"ON","name":"ACME"}],"next":"abc"}`), parse(t, `{"r":[{"state":"OFF"},{"state":"acme inc"},{"state":"ON"}],"next":""}`)}
	got := shape.Fields(pages, []string{"r[].state"})
	want := []shape.Field{
		{Path: "r", Types: []string{"array[1-3]"}, Seen: 2, Of: 2},
		{Path: "r[]", Types: []string{"object"}, Seen: 4, Of: 4},
		{Path: "r[].state", Types: []string{"string(2-8)"}, Seen: 4, Of: 4, Words: []string{"ON", "OFF"}},
		{Path: "r[].name", Types: []string{"string(4)"}, Seen: 1, Of: 4},
		{Path: "next", Types: []string{"string(0-3)"}, Seen: 2, Of: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
