package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
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
	accounts map[billwatch.AccountKey]string // to their names
	polls    int
	failed   int
	fired    int
	resolved int
	down     map[string]bool // the sources whose last round failed
}

func newDiary(out io.Writer, now func() time.Time) *diary {
	return &diary{out: out, now: now, accounts: map[billwatch.AccountKey]string{}, down: map[string]bool{}}
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
	fmt.Fprintf(d.out, "Simulated accounts, time at %g times its pace; %s.\nAn alert fires or resolves; the inbox is what people are told of it.\n\n", o.speed, ends)
}

// say prints one line that fits a terminal.
func (d *diary) say(what, text string) {
	line := fmt.Sprintf("%s  %-8s  %s", d.now().Format("Mon 15:04"), what, plain(text))
	fmt.Fprintln(d.out, shortened(line, 79))
}

func (d *diary) polled(p billwatch.Poll) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accounts[p.Account.Key()] = p.Account.Title()
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
		name = d.accounts[t.Alert.Key.Account]
	}
	switch t.To {
	case billwatch.Firing:
		d.fired++
	case billwatch.Resolved:
		d.resolved++
	default:
		return
	}
	if name == "" { // the alert is about a whole source
		name = t.Alert.Key.Account.Source
	}
	d.say(string(t.To), t.Alert.Key.Rule+": "+name)
}

func (d *diary) roundEnded(r billwatch.Round) {
	d.mu.Lock()
	defer d.mu.Unlock()
	source, failed := r.Lease.Source, r.Err != nil
	if failed == d.down[source] {
		return
	}
	d.down[source] = failed
	if failed {
		d.say("outage", source+" fails; what is known of its accounts stands")
		return
	}
	d.say("outage", source+" answers again")
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
		if alert.Status == string(billwatch.Resolved) {
			summary = "over; it was: " + summary // the last that was true of it
		}
		about = append(about, summary)
	}
	d.say("inbox", strings.Join(about, "; "))
}

// close prints the summary.
func (d *diary) close(inbox *simulate.Inbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sources := make(map[string]int)
	for account := range d.accounts {
		sources[account.Source]++
	}
	fmt.Fprintf(d.out, `
accounts         %d (%s)
polls            %d (%d failed)
alerts fired     %d
alerts resolved  %d
messages         %s
duplicates       %d
`, len(d.accounts), counts(sources), d.polls, d.failed, d.fired, d.resolved, counts(inbox.Counts()), inbox.Duplicates())
}

// counts returns how many there are of each, by name.
func counts(of map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(parts, ", ")
}
