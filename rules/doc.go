// Package rules judges snapshots: rule files become compiled conditions, and a
// snapshot with its history becomes one Evaluation per rule. It does no I/O and
// is told what time it is.
//
// Conditions are written in the language of expr-lang.org, without its loops.
// They are checked when they are loaded, every mistake with its place, and
// judged in three values: what a provider did not send is Unknown, and Unknown
// decides nothing unless it cannot matter.
//
// A new variable is one entry in the table of variables.go, a new function one
// in that of functions.go; the reference page is generated from both.
package rules
