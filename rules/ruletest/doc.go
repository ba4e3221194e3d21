// Package ruletest runs rule tests: files in promtool's notation that say how
// an account's fields go on and what must be told of it, and when.
//
// It knows the notation and what was expected; the stage that it plays on is
// handed in, and takes the polls along the same road as the service.
package ruletest
