package billwatch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Digits that a Decimal may have before the point, after it, and in all.
const maxDigits = 19

// Decimal is an exact number, kept as the text that came. It becomes a float
// only where a rule or a chart looks at it. The zero Decimal is 0.
type Decimal struct{ text string }

// DecimalOf returns n as a Decimal.
func DecimalOf(n int64) Decimal { return Decimal{strconv.FormatInt(n, 10)} }

// ParseDecimal reads an optional sign, digits, an optional fraction and an
// optional exponent: at most 19 digits before the point, 19 after it and 19
// significant, once the exponent is applied. Nothing is rounded.
func ParseDecimal(s string) (Decimal, error) {
	if len(s) > 64 {
		return Decimal{}, errors.New("number is longer than 64 characters")
	}
	digits, exponent, err := splitNumber(s)
	if err != nil {
		return Decimal{}, err
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if err := checkDigits(whole, fraction, exponent); err != nil {
		return Decimal{}, fmt.Errorf("number %q: %w", s, err)
	}
	return Decimal{s}, nil
}

// splitNumber returns the unsigned digits with their point, and the exponent.
func splitNumber(s string) (digits string, exponent int, err error) {
	rest := strings.TrimLeft(s, "+-")
	if len(s)-len(rest) > 1 {
		return "", 0, notANumber(s)
	}
	mantissa, power := rest, ""
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa, power = rest[:i], rest[i+1:]
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", 0, notANumber(s)
		}
	}
	points := strings.Count(mantissa, ".")
	plain := strings.ReplaceAll(mantissa, ".", "")
	if points > 1 || plain == "" || strings.Trim(plain, "0123456789") != "" {
		return "", 0, notANumber(s)
	}
	return mantissa, exponent, nil
}

func notANumber(s string) error { return fmt.Errorf("%q is not a decimal number", s) }

func checkDigits(whole, fraction string, exponent int) error {
	all := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(all, "0")
	if len(significant) > maxDigits {
		return fmt.Errorf("more than %d significant digits", maxDigits)
	}
	if significant == "" { // a zero has no scale worth keeping
		if len(whole) > maxDigits || len(fraction) > maxDigits {
			return fmt.Errorf("more than %d digits", maxDigits)
		}
		return nil
	}
	lead := len(whole) - (len(whole+fraction) - len(all)) // digits before the point, as written
	before := lead + exponent
	after := len(significant) - before
	if before > maxDigits {
		return fmt.Errorf("more than %d digits before the point", maxDigits)
	}
	if after > maxDigits {
		return fmt.Errorf("more than %d digits after the point", maxDigits)
	}
	return nil
}

// String returns the text that came; "0" for the zero Decimal.
func (d Decimal) String() string {
	if d.text == "" {
		return "0"
	}
	return d.text
}

// Float64 returns the nearest float.
func (d Decimal) Float64() float64 {
	f, _ := strconv.ParseFloat(d.String(), 64) // the text was checked when it was read
	return f
}

// MarshalJSON writes a JSON number where the text is one, else a string
// ("+2.5", ".5" and "007" are decimals but no JSON numbers).
func (d Decimal) MarshalJSON() ([]byte, error) {
	text := d.String()
	if isJSONNumber(text) {
		return []byte(text), nil
	}
	return []byte(strconv.Quote(text)), nil
}

func isJSONNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole := text
	if i := strings.IndexAny(text, ".eE"); i >= 0 {
		whole = text[:i]
	}
	if whole == "" || strings.HasPrefix(text, "+") || (len(whole) > 1 && whole[0] == '0') {
		return false
	}
	_, fraction, found := strings.Cut(text, ".")
	return !found || (fraction != "" && fraction[0] >= '0' && fraction[0] <= '9')
}

// UnmarshalJSON reads a JSON number or a string that holds a decimal.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return errors.New("null is not a decimal number")
	}
	if strings.HasPrefix(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			return fmt.Errorf("%s is not a decimal number", text)
		}
		text = unquoted
	}
	parsed, err := ParseDecimal(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
