// Package slacktest is a Slack to test against: a workspace that takes messages,
// changes, replies and files as strictly as the real one, and remembers them.
//
// What it refuses is a table, in refusals.go: each row says what Slack calls the
// refusal and which sentence of its documentation it rests on. Some rows are
// stricter than Slack; these say so. A new row wants a payload in the test that
// goes through all of them.
package slacktest
