// Package forecast tells from an account's balance records how long its balance
// will last: pure numbers, no clock, no I/O.
//
// Records make a History (use by day, top-ups taken out, the running period left
// out), a History makes a Model (level, weekday shape, the last lasting change
// of use, how much days vary), and a Model with a balance answers any quantile.
//
// The recipe was chosen by measurement. Straight lines through the balance are
// days worse and flap; medians miss the bursts, which are what empties an
// account; trends and last week repeated add noise. A change here is measured
// again before it is kept.
package forecast
