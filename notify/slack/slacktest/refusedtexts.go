package slacktest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var refusedMessages = []Refusal{
	{Name: "a form that cannot be read", Word: "invalid_form_data", Rests: pagePost + "the form data is missing or syntactically wrong",
		methods: []string{post, update, share, ask}, fits: func(c *call) bool { return c.broken != nil }},
	{Name: "a body that is no JSON", Word: "invalid_payload", Rests: pageHook + "the payload is malformed, mostly JSON that is escaped wrongly",
		methods: []string{webhook}, fits: func(c *call) bool { return c.webhookBody != nil }},
	{Name: "no text", Word: "no_text", Rests: pagePost + "no message text was provided; here also beside blocks, where Slack makes one up", Ours: true,
		methods: messages, fits: func(c *call) bool { return strings.TrimSpace(c.text) == "" }},
	{Name: "a text that is too long", Word: "msg_too_long", Rests: pagePost + "provide no more than 40,000 characters",
		methods: messages, fits: func(c *call) bool { return utf8.RuneCountInString(c.text) > 40_000 }},
	{Name: "blocks that are no list", Word: "invalid_blocks_format", Rests: pagePost + "blocks is a JSON array of structured blocks",
		methods: []string{post, update}, fits: func(c *call) bool { return c.unreadable["blocks"] }},
	{Name: "attachments that are no list", Word: "invalid_attachments", Rests: pagePost + "attachments is a JSON array of structured attachments", Ours: true,
		methods: []string{post, update}, fits: func(c *call) bool { return c.unreadable["attachments"] }},
	{Name: "too many attachments", Word: "too_many_attachments", Rests: pagePost + "at most 100 attachments are allowed on a message",
		methods: messages, fits: func(c *call) bool { return len(c.frames) > 100 }},
	{Name: "metadata of another form", Word: "invalid_metadata_format", Rests: pageMeta + "metadata has an event_type and an event_payload",
		methods: []string{post, update}, fits: func(c *call) bool {
			return c.form.Get("metadata") != "" && (c.unreadable["metadata"] || c.metadata.EventType == "" || c.metadata.EventPayload == nil)
		}},
	{Name: "too many blocks", Word: "invalid_blocks", Rests: pageBlocks + "up to 50 blocks in a message",
		methods: messages, fits: func(c *call) bool { return len(c.all()) > 50 }},
	{Name: "a block of no known type", Word: "invalid_blocks", Rests: pageBlocks + "the type of a block is one of those listed; here of those that billwatch uses", Ours: true,
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool {
				return !slices.Contains([]string{"header", "section", "context", "divider", "image"}, b.Type)
			})
		}},
	{Name: "a header that is not plain", Word: "invalid_blocks", Rests: pageBlocks + "the text of a header is a plain_text object",
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool { return b.Type == "header" && (b.Text == nil || b.Text.Type != "plain_text") })
		}},
	{Name: "a header that is too long", Word: "invalid_blocks", Rests: pageBlocks + "the text of a header has at most 150 characters",
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool { return b.Type == "header" && length(b.Text) > 150 })
		}},
	{Name: "a header of several lines", Word: "invalid_blocks", Rests: pageBlocks + "a header is one line of large text; Slack joins them", Ours: true,
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool { return b.Type == "header" && strings.ContainsAny(b.Text.Text, "\r\n") })
		}},
	{Name: "a section without text or fields", Word: "invalid_blocks", Rests: pageBlocks + "a section has a text, unless it has fields",
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool { return b.Type == "section" && b.Text == nil && len(b.Fields) == 0 })
		}},
	{Name: "a section with too many fields", Word: "invalid_blocks", Rests: pageBlocks + "a section has at most 10 fields",
		methods: messages, fits: func(c *call) bool { return c.anyBlock(func(b Block) bool { return len(b.Fields) > 10 }) }},
	{Name: "a context without elements, or with too many", Word: "invalid_blocks", Rests: pageBlocks + "a context has elements, at most 10",
		methods: messages, fits: func(c *call) bool {
			return c.anyBlock(func(b Block) bool { return b.Type == "context" && (len(b.Elements) == 0 || len(b.Elements) > 10) })
		}},
	{Name: "a block's id that is too long", Word: "invalid_blocks", Rests: pageBlocks + "a block_id has at most 255 characters",
		methods: messages, fits: func(c *call) bool { return c.anyBlock(func(b Block) bool { return len([]rune(b.BlockID)) > 255 }) }},
	{Name: "a text of another kind", Word: "invalid_blocks", Rests: pageText + "the type is plain_text or mrkdwn",
		methods: messages, fits: func(c *call) bool {
			return c.anyObject(func(o Object) bool { return o.Type != "plain_text" && o.Type != "mrkdwn" && o.Type != "image" })
		}},
	{Name: "a text object that is empty or too long", Word: "invalid_blocks", Rests: pageText + "at least 1 and at most 3,000 characters",
		methods: messages, fits: func(c *call) bool {
			return c.anyObject(func(o Object) bool { return o.Type != "image" && (o.Text == "" || length(&o) > 3000) })
		}},
	{Name: "emoji beside mrkdwn", Word: "invalid_blocks", Rests: pageText + "emoji is only usable with plain_text",
		methods: messages, fits: func(c *call) bool {
			return c.anyObject(func(o Object) bool { return o.Type == "mrkdwn" && o.Emoji != nil })
		}},
	{Name: "verbatim beside plain text", Word: "invalid_blocks", Rests: pageText + "verbatim is only usable with mrkdwn",
		methods: messages, fits: func(c *call) bool {
			return c.anyObject(func(o Object) bool { return o.Type == "plain_text" && o.Verbatim != nil })
		}},
	{Name: "too much in all blocks together", Word: "msg_blocks_too_long", Rests: "undocumented; somewhat more than 11,000 characters were seen to be refused", Ours: true,
		methods: messages, fits: func(c *call) bool { return c.characters() > 11_000 }},
}

var refusedTexts = []Refusal{
	{Name: "a mark that nobody put there on purpose", Word: "invalid_arguments", Rests: pageFormat + "&, < and > are written as entities where they are no marks; Slack would obey them", Ours: true,
		methods: messages, fits: func(c *call) bool { return slices.ContainsFunc(c.texts(), c.workspace.marked) }},
	{Name: "a text in which Slack would look for names", Word: "invalid_arguments", Rests: pageText + "without verbatim names are made mentions and addresses links", Ours: true,
		methods: messages, fits: func(c *call) bool {
			return c.anyObject(func(o Object) bool { return o.Type == "mrkdwn" && (o.Verbatim == nil || !*o.Verbatim) })
		}},
	{Name: "names looked for in the whole message", Word: "invalid_arguments", Rests: pageFormat + "link_names and parse: full make mentions of names", Ours: true,
		methods: messages, fits: func(c *call) bool {
			hook := c.method == webhook && regexp.MustCompile(`"(link_names|parse)"`).Match(c.body)
			return c.form.Get("link_names") != "" || c.form.Get("parse") != "" || hook
		}},
	{Name: "a character that is not seen", Word: "invalid_arguments", Rests: pageFormat + "texts are displayable characters in UTF-8; Slack shows what turns the direction", Ours: true,
		methods: messages, fits: func(c *call) bool { return slices.ContainsFunc(c.texts(), hidden) }},
	{Name: "a webhook that may not post", Word: "action_prohibited", Status: http.StatusForbidden, Rests: pageHook + "an admin restricts posting to the channel",
		methods: []string{webhook}, fits: func(c *call) bool { return !c.workspace.channels[ChannelID].joined }},
}

// texts returns all that is shown and may hold marks.
func (c *call) texts() []string {
	texts := []string{c.text}
	for _, f := range c.frames {
		texts = append(texts, f.Fallback, f.Text)
	}
	for _, b := range c.all() {
		for _, o := range b.objects() {
			texts = append(texts, o.Text)
		}
	}
	return texts
}

// marked says whether a text has a mark other than links to where the workspace
// is told that they may lead, and mentions of whom it is told.
func (w *Workspace) marked(text string) bool {
	for _, m := range w.mentions {
		text = strings.ReplaceAll(text, m, "")
	}
	link := regexp.MustCompile(`<(https?://[^|<>\s]+)(\|[^<>|]*)?>`)
	text = link.ReplaceAllStringFunc(text, func(mark string) string {
		address := link.FindStringSubmatch(mark)[1]
		if slices.ContainsFunc(w.links, func(l string) bool { return strings.HasPrefix(address, l) }) {
			return ""
		}
		return mark
	})
	text = strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(text)
	return strings.ContainsAny(text, "&<>")
}

func hidden(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		turns := (r >= '\u202A' && r <= '\u202E') || (r >= '\u2066' && r <= '\u2069')
		return turns || (unicode.IsControl(r) && r != '\n' && r != '\t')
	})
}
