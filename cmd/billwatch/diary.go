package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
	"github.com/billwatch/billwatch/internal/simulate"
)

// diary prints what happens in a demo, a line each, and counts it.
type diary struct {
	out io.Writer
	now func() time.Time

	mu       sync.Mutex
	accounts map[string]string // id to name
	polls    int
	failed   int
	fired    int
	resolved int
	down     bool // the last round failed
}

func newDiary(out io.Writer, now func() time.Time) *diary {
	return &diary{out: out, now: now, accounts: map[string]string{}}
}

func (d *diary) observer() daemon.Observer {
	return daemon.Observer{
		Serving: func(address string) {
			d.say("serving", "http://"+address+"/metrics")
		},
		Polled: d.polled,
		Moved:  d.moved,
		Ended:  d.roundEnded,
	}
}

func (d *diary) open(o demoOptions) {
	ends := "Ctrl-C ends it"
	if o.length > 0 {
		ends = fmt.Sprintf("it ends by itself after %s", o.length)
	}
	fmt.Fprintf(d.out, "Simulated accounts, time at %g times its pace; %s.\n\n", o.speed, ends)
}

// say prints one line that fits a terminal.
func (d *diary) say(what, text string) {
	line := fmt.Sprintf("%s  %-8s  %s", d.now().Format("Mon 15:04"), what, plain(text))
	fmt.Fprintln(d.out, shortened(line, 79))
}

func (d *diary) polled(p billwatch.Poll) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accounts[p.Account.ID] = p.Account.Title()
	d.polls++
	if p.Snapshot == nil {
		d.failed++
	}
}

func (d *diary) moved(t billwatch.Transition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := t.Alert.Labels[billwatch.LabelAccountName]
	if name == "" {
		name = d.accounts[t.Alert.Key.Account.ID]
	}
	switch t.To {
	case billwatch.Firing:
		d.fired++
	case billwatch.Resolved:
		d.resolved++
	default:
		return
	}
	d.say(string(t.To), t.Alert.Key.Rule+": "+name)
}

func (d *diary) roundEnded(r billwatch.Round) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.Err != nil && !d.down:
		d.say("outage", "the API fails; nothing fires and nothing resolves by it")
	case r.Err == nil && d.down:
		d.say("outage", "the API answers again")
	}
	d.down = r.Err != nil
}

func (d *diary) message(m simulate.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var about []string
	for _, alert := range m.Alerts {
		summary := alert.Annotations["summary"]
		if summary == "" {
			summary = alert.Labels[billwatch.LabelAlert] + " " + alert.Labels[billwatch.LabelAccountName]
		}
		about = append(about, summary)
	}
	d.say("inbox", fmt.Sprintf("[%s] %s", strings.ToUpper(m.Status), strings.Join(about, "; ")))
}

// close prints the summary.
func (d *diary) close(inbox *simulate.Inbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var messages []string
	for receiver, n := range inbox.Counts() {
		messages = append(messages, fmt.Sprintf("%s %d", receiver, n))
	}
	fmt.Fprintf(d.out, `
accounts         %d
polls            %d (%d failed)
alerts fired     %d
alerts resolved  %d
messages         %s
duplicates       %d
`, len(d.accounts), d.polls, d.failed, d.fired, d.resolved, strings.Join(messages, ", "), inbox.Duplicates())
}
