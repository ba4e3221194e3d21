package billwatch

import "time"

// RuleFailure is a rule that fails on evaluation on one account.
type RuleFailure struct {
	Key    AlertKey
	Sum    string // tells the rule from the one that it is after a change
	Detail string // in words
}

// RuleErrors is how a rule fails on the accounts of one source.
type RuleErrors struct {
	Rule     string
	Sum      string // of the rule that failed
	Source   string
	Accounts int
	Since    time.Time // of the account on which it fails for the longest
	Account  string    // one of them
	Detail   string    // what it said
}
