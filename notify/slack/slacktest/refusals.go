package slacktest

import (
	"net/http"
	"slices"
	"strings"
)

// Refusal is one thing that a workspace does not take.
type Refusal struct {
	Name   string
	Word   string // Slack's, in "error" or in the body of a webhook
	Status int    // of a webhook's or an upload's answer; 400 where zero
	Rests  string // on which sentence, in our words, and of which page
	Ours   bool   // stricter than Slack, or not known of it for sure

	methods []string // that it concerns; a prefix ends in a dot
	fits    func(*call) bool
}

func (r Refusal) concerns(method string) bool {
	return slices.ContainsFunc(r.methods, func(m string) bool {
		return m == method || strings.HasSuffix(m, ".") && strings.HasPrefix(method, m)
	})
}

// Refusals returns the table.
func Refusals() []Refusal { return slices.Clone(refusals) }

const (
	post    = "chat.postMessage"
	update  = "chat.update"
	ask     = "files.getUploadURLExternal"
	upload  = "upload"
	share   = "files.completeUploadExternal"
	webhook = "webhook"
)

var (
	methods  = []string{post, update, ask, share}
	messages = []string{post, update, webhook}
)

// The pages that the rows rest on.
const (
	pagePost   = "methods/chat.postMessage: "
	pageUpdate = "methods/chat.update: "
	pageAsk    = "methods/files.getUploadURLExternal: "
	pageShare  = "methods/files.completeUploadExternal: "
	pageBlocks = "block-kit/blocks: "
	pageText   = "block-kit/composition-objects/text-object: "
	pageHook   = "messaging/sending-messages-using-incoming-webhooks, errors: "
	pageFormat = "messaging/formatting-message-text: "
	pageMeta   = "messaging/message-metadata: "
)

// refusals is read from the top; the first row that fits a call answers it.
var refusals = slices.Concat(refusedCallers, refusedPlaces, refusedMessages, refusedTexts, refusedFiles)

var refusedCallers = []Refusal{
	{Name: "no token", Word: "not_authed", Rests: pagePost + "no authentication token was provided",
		methods: methods, fits: func(c *call) bool { return c.token() == "" }},
	{Name: "a token that nobody gave out", Word: "invalid_auth", Rests: pagePost + "the token is invalid, or the address is not allowed",
		methods: methods, fits: func(c *call) bool { return c.workspace.scopes[c.token()] == nil && !c.workspace.revoked[c.token()] }},
	{Name: "a token taken back", Word: "token_revoked", Rests: pagePost + "the token is of a deleted user or workspace, or the app was removed",
		methods: methods, fits: func(c *call) bool { return c.workspace.revoked[c.token()] }},
	{Name: "a scope that the token lacks", Word: "missing_scope", Rests: pagePost + "the token is not granted the scope that the call needs",
		methods: methods, fits: func(c *call) bool { return !slices.Contains(c.workspace.scopes[c.token()], needed(c.method)) }},
	{Name: "a webhook that nobody made", Word: "no_service", Status: http.StatusNotFound, Rests: pageHook + "the webhook was removed, or its address is wrong",
		methods: []string{webhook}, fits: func(c *call) bool { return c.path != WebhookPath }},
}

var refusedPlaces = []Refusal{
	{Name: "no such channel", Word: "channel_not_found", Rests: pagePost + "the value passed for channel is invalid; an id or a name is taken",
		methods: []string{post}, fits: func(c *call) bool { return c.workspace.channel(c.form.Get("channel"), true) == nil }},
	{Name: "a change by the channel's name", Word: "channel_not_found", Rests: pageUpdate + "the value passed for channel is invalid; an id is taken", Ours: true,
		methods: []string{update}, fits: func(c *call) bool { return c.workspace.channel(c.form.Get("channel"), false) == nil }},
	{Name: "an archived channel", Word: "is_archived", Rests: pagePost + "the channel has been archived",
		methods: []string{post}, fits: func(c *call) bool { return c.workspace.channel(c.form.Get("channel"), true).archived }},
	{Name: "an archived channel of a webhook", Word: "channel_is_archived", Status: http.StatusGone, Rests: pageHook + "the channel has been archived and takes no messages",
		methods: []string{webhook}, fits: func(c *call) bool { return c.workspace.channels[ChannelID].archived }},
	{Name: "a channel that the bot is not in", Word: "not_in_channel", Rests: pagePost + "messages cannot be posted to a channel that one is not in",
		methods: []string{post}, fits: func(c *call) bool { return !c.workspace.channel(c.form.Get("channel"), true).joined }},
	{Name: "a change of a message that is not there", Word: "message_not_found", Rests: pageUpdate + "no message exists with the timestamp",
		methods: []string{update}, fits: func(c *call) bool { return c.workspace.message(c.form.Get("channel"), c.form.Get("ts")) == nil }},
	{Name: "a change of somebody else's message", Word: "cant_update_message", Rests: pageUpdate + "the caller may not update this message",
		methods: []string{update}, fits: func(c *call) bool {
			return c.workspace.message(c.form.Get("channel"), c.form.Get("ts")).Bot != c.token()
		}},
	{Name: "a reply to what is not there", Word: "cannot_reply_to_message", Rests: pagePost + "this message cannot have replies; seen for parents that were deleted", Ours: true,
		methods: []string{post}, fits: func(c *call) bool { return c.strayThread(c.form.Get("channel")) }},
	{Name: "a reply to a reply", Word: "cannot_reply_to_message", Rests: pagePost + "avoid a reply's timestamp, use its parent's", Ours: true,
		methods: []string{post}, fits: func(c *call) bool { return c.nestedThread(c.form.Get("channel")) }},
	{Name: "a reply that is shown in the channel too", Word: "invalid_arguments", Rests: pagePost + "reply_broadcast shows a reply to everyone in the channel; ours are quiet", Ours: true,
		methods: []string{post}, fits: func(c *call) bool { return c.form.Get("reply_broadcast") != "" }},
}

// strayThread says whether a call replies to what is not there.
func (c *call) strayThread(channel string) bool {
	ts := c.form.Get("thread_ts")
	at := c.workspace.channel(channel, true)
	return ts != "" && c.workspace.message(at.id, ts) == nil
}

func (c *call) nestedThread(channel string) bool {
	ts := c.form.Get("thread_ts")
	at := c.workspace.channel(channel, true)
	return ts != "" && c.workspace.message(at.id, ts).Thread != ""
}

var refusedFiles = []Refusal{
	{Name: "a file without a name or a length", Word: "missing_argument", Rests: pageAsk + "a required argument was not provided; typically the length is 0",
		methods: []string{ask}, fits: func(c *call) bool { return c.form.Get("filename") == "" || number(c.form.Get("length")) <= 0 }},
	{Name: "a description that is too long", Word: "alt_txt_too_large", Rests: pageAsk + "the description of the image is longer than 1,000 characters",
		methods: []string{ask}, fits: func(c *call) bool { return len([]rune(c.form.Get("alt_txt"))) > 1000 }},
	{Name: "an upload that nobody asked for", Word: "no such upload", Status: http.StatusNotFound, Rests: pageAsk + "a file is sent to the URL that the method returned",
		methods: []string{upload}, fits: func(c *call) bool { return c.workspace.files[strings.TrimPrefix(c.path, "/upload/")] == nil }},
	{Name: "an upload of another length", Word: "wrong length", Rests: pageAsk + "length is the size in bytes of the file being uploaded; what Slack does with another is not said", Ours: true,
		methods: []string{upload}, fits: func(c *call) bool {
			return c.workspace.files[strings.TrimPrefix(c.path, "/upload/")].Length != len(c.body)
		}},
	{Name: "a token sent to where files go", Word: "no token here", Rests: pageAsk + "the URL is all that an upload needs", Ours: true,
		methods: []string{upload}, fits: func(c *call) bool { return strings.Contains(string(c.body), Token) }},
	{Name: "files that are no list", Word: "invalid_arguments", Rests: pageShare + "files is an array of ids and titles",
		methods: []string{share}, fits: func(c *call) bool { return c.unreadable["files"] || len(c.shared) == 0 }},
	{Name: "a file that was never asked for, or not sent, or is shared already", Word: "file_not_found", Rests: pageShare + "the file of the upload ticket could not be found; for the order of the steps the word is ours", Ours: true,
		methods: []string{share}, fits: func(c *call) bool {
			return slices.ContainsFunc(c.shared, func(s sharedFile) bool {
				f := c.workspace.files[s.ID]
				return f == nil || f.Content == nil || f.Shared
			})
		}},
	{Name: "a file for a channel's name", Word: "invalid_channel", Rests: pageShare + "the channel could not be found; an id is taken",
		methods: []string{share}, fits: func(c *call) bool { return c.workspace.channel(c.form.Get("channel_id"), false) == nil }},
	{Name: "a file for a channel that the bot is not in", Word: "posting_to_channel_denied", Rests: pageShare + "the caller may not post to the channel",
		methods: []string{share}, fits: func(c *call) bool { return !c.workspace.channel(c.form.Get("channel_id"), false).joined }},
	{Name: "a file for a thread that is not there", Word: "thread_not_found", Rests: pageShare + "thread_ts is another message's; which word tells that it is not there is not said", Ours: true,
		methods: []string{share}, fits: func(c *call) bool { return c.strayThread(c.form.Get("channel_id")) }},
	{Name: "a file for a reply", Word: "invalid_arguments", Rests: pageShare + "never use a reply's timestamp, use its parent's", Ours: true,
		methods: []string{share}, fits: func(c *call) bool { return c.nestedThread(c.form.Get("channel_id")) }},
}
