package httpjson

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/billwatch/billwatch"
)

// places is how many decimals are kept of a result that does not come out
// even, such as 1/3.
const places = 15

// rational returns an exact number. It is bounded, so that nobody has to work
// out 1e999999999.
func rational(n json.Number) (*big.Rat, error) {
	s := n.String()
	if _, err := billwatch.ParseDecimal(s); err != nil {
		return nil, fmt.Errorf("number %s is out of range: at most 19 digits before the point, after it and in all", short(s))
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	if strings.Trim(mantissa, "+-0.") == "" { // a zero, whatever its exponent
		return new(big.Rat), nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%s is not a number", short(s))
	}
	return r, nil
}

// numeral writes a number: exactly where its 19 digits do, else rounded.
func numeral(r *big.Rat) (json.Number, error) {
	if n, even := r.FloatPrec(); even && n <= 19 {
		if s := r.FloatString(n); valid(s) {
			return json.Number(s), nil
		}
	}
	whole := len(new(big.Int).Quo(r.Num(), r.Denom()).String())
	s := r.FloatString(max(0, min(places, 19-whole)))
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		s = "0"
	}
	if !valid(s) {
		return "", fmt.Errorf("number %s is out of range", short(s))
	}
	return json.Number(s), nil
}

func valid(s string) bool {
	_, err := billwatch.ParseDecimal(s)
	return err == nil
}

var floatText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?$`)

// floating returns the nearest float of a number that may have more digits than
// an exact one.
func floating(s string) (json.Number, error) {
	if len(s) > 1024 || !floatText.MatchString(s) {
		return "", fmt.Errorf("%s is not a number", quote(s))
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", fmt.Errorf("number %s is out of range", short(s))
	}
	if written := strconv.FormatFloat(f, 'g', -1, 64); valid(written) {
		return json.Number(written), nil
	}
	return numeral(new(big.Rat).SetFloat64(f))
}

// short makes a text fit for an error.
func short(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return string([]rune(s)[:39]) + "…"
	}
	return s
}

func quote(s string) string { return strconv.Quote(short(s)) }
