// Package state remembers alerts and says what changed.
//
// Advance is the machine: a pure function from an alert, an evaluation and a
// moment to the alert afterwards and the transition it made. Everything that
// fires goes through it, whether in run, test or backtest; there is no second
// one. The store below it, state/sqlstore, keeps what Advance returns;
// state/statetest is the suite that a store passes.
package state
