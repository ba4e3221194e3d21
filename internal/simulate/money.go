package simulate

import (
	"fmt"
	"strings"
)

// micros is money in millionths of a dollar, so that sums are exact.
type micros int64

const (
	cent   micros = 10_000
	dollar        = 100 * cent
)

// String returns the amount as the API writes it, without needless zeros.
func (m micros) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	text := fmt.Sprintf("%s%d.%06d", sign, m/dollar, m%dollar)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// floor rounds down to whole dollars.
func (m micros) floor() micros { return m / dollar * dollar }
