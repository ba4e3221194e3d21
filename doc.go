// Package billwatch holds the words of billwatch: what a prepaid account looked
// like, what a rule said of it, what changed, and what people were told.
//
// The words travel one road:
//
//	poller --Poll--> rules --Evaluation--> state --Transition--> notify --Notification-->
//
// This package imports the standard library only, does no I/O and is imported
// by every other package; it imports none of them.
package billwatch
