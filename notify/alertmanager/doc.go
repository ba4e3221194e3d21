// Package alertmanager keeps Alertmanagers up to date on what fires, as
// Prometheus does.
//
// It is no way of telling: who is told what, and when, that Alertmanager decides.
// It is told of each alert again and again, with an end a few minutes ahead, so
// that alerts end by themselves there when nobody speaks of them any more. What
// identifies an alert are its labels but for account_name, which may change and
// is sent as an annotation: so both sides know it by the same fingerprint.
package alertmanager
