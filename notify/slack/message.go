package slack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/billwatch/billwatch"
)

// Slack's limits, in characters. The sum over all blocks is undocumented; more
// than some 11,000 were seen to be refused as msg_blocks_too_long.
const (
	maxHeader   = 150
	maxSection  = 3000
	maxText     = 9000
	maxFallback = 3000
)

// Colours of the frame.
const (
	colourCritical = "#cf222e"
	colourWarning  = "#bf8700"
	colourResolved = "#1a7f37"
)

// message is a notification as Slack takes it.
type message struct {
	text   string // for notifications on a phone, and where blocks are not shown
	blocks []slackgo.Block
	frame  slackgo.Attachment

	metadata slackgo.SlackMetadata // for who looks for the notification in Slack
}

// build depends on the notification and the settings alone, so that each
// attempt sends the same.
func (n *Notifier) build(told billwatch.Notification) message {
	title := cmp.Or(oneLine(told.Message.Title), "billwatch")
	text := strings.TrimSpace(clean(told.Message.Text))
	m := message{
		text: cut(title+"\n"+text, maxFallback),
		blocks: []slackgo.Block{slackgo.NewHeaderBlock(
			slackgo.NewTextBlockObject(slackgo.PlainTextType, cut(title, maxHeader), false, false))},
	}
	m.metadata = slackgo.SlackMetadata{
		EventType:    "billwatch_notification",
		EventPayload: map[string]any{"id": told.ID, "incident": told.Incident, "reason": told.Reason, "status": string(told.Status)},
	}
	if who := n.mentions(told); who != "" {
		m.blocks = append(m.blocks, section(who))
		m.text = who + " " + m.text
	}
	inside := sections(told, text)
	if links := links(told); links != "" {
		inside = append(inside, slackgo.NewContextBlock("", markdown(links)))
	}
	m.frame = slackgo.Attachment{
		Color: colour(told), Fallback: cut(title, maxHeader), Blocks: slackgo.Blocks{BlockSet: inside},
	}
	return m
}

// markdown is text whose every mark was put there by us. Verbatim: Slack must
// not look for names and addresses of its own accord.
func markdown(text string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, true)
}

func section(text string) slackgo.Block {
	return slackgo.NewSectionBlock(markdown(text), nil, nil)
}

// sections packs the text's paragraphs, of which the default template writes
// one for each alert, into as few blocks as they fit. What has no room is
// counted.
func sections(told billwatch.Notification, text string) []slackgo.Block {
	if text == "" {
		text = "(no text)"
	}
	l := linkerFor(told)
	paragraphs := strings.Split(text, "\n\n")
	var blocks []slackgo.Block
	var open string
	room := maxText
	for i, paragraph := range paragraphs {
		next := l.paragraph(paragraph, maxSection)
		size := utf8.RuneCountInString(next) + 2
		if size > room && i > 0 {
			return append(flush(blocks, open), section(more(told, i, len(paragraphs)-i)))
		}
		room -= size
		if utf8.RuneCountInString(open)+size > maxSection {
			blocks, open = flush(blocks, open), ""
		}
		open = join(open, next)
	}
	return flush(blocks, open)
}

func join(open, next string) string {
	if open == "" {
		return next
	}
	return open + "\n\n" + next
}

func flush(blocks []slackgo.Block, open string) []slackgo.Block {
	if open == "" {
		return blocks
	}
	return append(blocks, section(open))
}

// more counts what is not shown: alerts, where paragraphs are alerts.
func more(told billwatch.Notification, shown, left int) string {
	text := fmt.Sprintf("and %d more", max(len(told.Alerts)+told.Truncated-shown, left))
	if pages := pages(told); pages != "" {
		text += fmt.Sprintf(": <%s|all alerts>", escape(pages))
	}
	return text
}

// pages returns where all alerts are shown; "" without pages.
func pages(told billwatch.Notification) string {
	if told.ExternalURL == "" || strings.ContainsAny(told.ExternalURL, "<>| ") {
		return ""
	}
	return strings.TrimSuffix(told.ExternalURL, "/") + "/alerts"
}

func linkerFor(told billwatch.Notification) linker {
	l := linker{prefix: pages(told), known: map[string]bool{}}
	for _, a := range told.Alerts {
		if strings.HasPrefix(a.RunbookURL, "https://") || strings.HasPrefix(a.RunbookURL, "http://") {
			l.known[a.RunbookURL] = true
		}
	}
	return l
}

// links leads to the pages: of one alert what can be done there, of several
// their list.
func links(told billwatch.Notification) string {
	list := escape(pages(told))
	if list == "" {
		return ""
	}
	if len(told.Alerts) != 1 || told.Alerts[0].Fingerprint == "" || told.Reason == billwatch.WhyTest {
		return fmt.Sprintf("<%s|All alerts>", list)
	}
	page := list + "/" + told.Alerts[0].Fingerprint
	if told.Alerts[0].State == billwatch.Resolved {
		return fmt.Sprintf("<%s|Open>", page)
	}
	return fmt.Sprintf("<%[1]s?acknowledge|Acknowledge> · <%[1]s?silence=4h|Silence 4h> · <%[1]s|Open>", page)
}

func colour(told billwatch.Notification) string {
	switch {
	case told.Status == billwatch.Resolved:
		return colourResolved
	case slices.ContainsFunc(told.Alerts, func(a billwatch.Alert) bool { return fires(a, []string{"critical"}) }):
		return colourCritical
	}
	return colourWarning
}

// fires says whether an alert fires with one of some severities.
func fires(a billwatch.Alert, severities []string) bool {
	return a.State == billwatch.Firing && slices.Contains(severities, a.Labels[billwatch.LabelSeverity])
}

// mentions returns those to call, if this notification calls anybody: good news
// does not.
func (n *Notifier) mentions(told billwatch.Notification) string {
	calls := slices.ContainsFunc(told.Alerts, func(a billwatch.Alert) bool { return fires(a, n.config.MentionOn) })
	if !calls || told.Reason == billwatch.WhySomeResolved {
		return ""
	}
	return strings.Join(n.mentioned, " ")
}
