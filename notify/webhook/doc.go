// Package webhook tells by an HTTP POST of JSON.
//
// The body has one of two formats: billwatch's own, or version 4 of
// Alertmanager's webhook. With a secret each attempt is signed after Standard
// Webhooks, so that a receiver can tell who sent it, when, and whether it saw
// the notification before: the id stays, the timestamp is the attempt's own.
//
// Private addresses are refused when the connection is made, after the name was
// resolved, so that neither a redirect nor a changing name leads inside.
package webhook
