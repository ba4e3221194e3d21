// Package slack tells in a Slack channel, with a bot's token or by an incoming
// webhook.
//
// A message is a header, the text in a frame whose colour is the status, and
// links to the pages. Names and texts come from elsewhere: they are escaped, so
// that none of them can mention anybody, and shortened to Slack's limits. Slack
// has no key against duplicates; the notification's id travels in the message's
// metadata.
package slack
