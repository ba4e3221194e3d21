// Package daemon joins the four rooms: it is the only one that sees them all.
//
//	poller --Poll--> rules --Evaluation--> state --Transition--> notify --Notification-->
//
// What a round of polls says is judged, advanced and committed a batch at a
// time, in one transaction, by the pipeline; what the commit makes due is told
// by notify's dispatcher. Run, dry-run and demo drive this same road with
// another clock, source or receiver.
package daemon
