package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch/notify/notifytest"
)

var update = flag.Bool("update", false, "write the message into the manual")

func TestTheManualShowsTheMessage(t *testing.T) {
	w := newWorkspace(t, posted)
	if _, err := notifytest.Send(t, build(t, byToken(w.URL)), notifytest.Notification()); err != nil {
		t.Fatal(err)
	}
	m, err := parse(w.bodies()[0])
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("{\n")
	for i, field := range []string{"text", "blocks", "attachments", "metadata"} {
		value := []byte(m.Rest[field])
		if field == "text" {
			if value, err = marshal(m.Text); err != nil {
				t.Fatal(err)
			}
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, value, "  ", "  "); err != nil {
			t.Fatal(err)
		}
		want.WriteString(`  "` + field + `": ` + strings.TrimSpace(pretty.String()))
		want.WriteString(map[bool]string{true: ",\n", false: "\n"}[i < 3])
	}
	want.WriteString("}\n")
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(want.String())

	const page, begin, end = "../../docs/notifications.md", "-update` -->\n```json\n", "```\n<!-- end -->"
	manual, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(manual), begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the message", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+text+end+after), 0o644); err != nil { //nolint:gosec // a page of the manual
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(text, got); diff != "" {
		t.Errorf("the manual's message (-want +got):\n%s", diff)
	}
}

func marshal(text string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	return out.Bytes(), err
}
