package shape

import (
	"net/url"
	"strings"
	"unicode"
)

const (
	tries     = 100 // for a pseudonym of the same form; then it may be longer
	tellingAt = 4   // digits from which on a number must not be one that was there
)

// token returns the pseudonym of one word.
func (r *Redactor) token(t string) string {
	if given, known := r.given[t]; known {
		return given
	}
	if plain, err := url.PathUnescape(t); err == nil && plain != t {
		return url.PathEscape(r.Text(plain))
	}
	if decimalText.MatchString(t) {
		return r.amount(t)
	}
	if local, _, found := strings.Cut(t, "@"); found && local != "" {
		return r.give(t, func(string) string { return r.like(local) + "@example.com" })
	}
	return r.give(t, r.like)
}

// give makes a pseudonym that is no other's and was not there.
func (r *Redactor) give(t string, like func(string) string) string {
	longer := t
	for try := 1; ; try++ {
		p := like(longer)
		if p != t && !r.taken[p] && !r.seen[p] {
			r.given[t], r.taken[p] = p, true
			return p
		}
		if try%tries == 0 {
			longer += "x"
		}
	}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

// like returns something of the same form: letters for letters, digits for
// digits, hexadecimal digits for those.
func (r *Redactor) like(t string) string {
	letters := lower
	if isHex(t) {
		letters = lower[:6]
	}
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsDigit(c):
			return r.pick(digits)
		case unicode.IsUpper(c):
			return unicode.ToUpper(r.pick(letters))
		case unicode.IsLetter(c) || c >= 0x80:
			return r.pick(letters)
		case strings.ContainsRune("-_.:+~", c):
			return c
		}
		return '-'
	}, t)
}

func (r *Redactor) pick(from string) rune { return rune(from[r.random.IntN(len(from))]) }

// isHex says whether a text is an identity in hexadecimal digits.
func isHex(t string) bool {
	return len(t) >= 8 && strings.ContainsAny(t, digits) &&
		strings.Trim(strings.ToLower(t), digits+"abcdef-") == ""
}

// amount returns a number of the same form: as many digits, the same sign,
// point and exponent, nothing for nothing.
func (r *Redactor) amount(t string) string {
	if given, known := r.given[t]; known {
		return given
	}
	mantissa, exponent := t, ""
	if i := strings.IndexAny(t, "eE"); i >= 0 {
		mantissa, exponent = t[:i], t[i:]
	}
	if strings.Trim(mantissa, "+-.0") == "" {
		return t // nothing
	}
	telling := strings.Count(strings.Map(onlyDigits, mantissa), "") - 1
	longer := mantissa
	for try := 1; ; try++ {
		p := r.number(longer) + exponent
		wasThere := telling >= tellingAt && r.seen[p]
		if p != t && !r.taken[p] && !wasThere {
			r.given[t], r.taken[p] = p, true
			return p
		}
		if try%tries == 0 {
			sign := longer[:len(longer)-len(strings.TrimLeft(longer, "+-"))]
			longer = sign + "1" + longer[len(sign):]
		}
	}
}

func onlyDigits(c rune) rune {
	if c < '0' || c > '9' {
		return -1
	}
	return c
}

// number replaces the digits of a number. It begins with the same zeros, does
// not grow beyond what 64 bits hold, and has a fraction where there was one.
func (r *Redactor) number(t string) string {
	const most = "12345678" // a first digit that keeps 19 of them below 2⁶³
	began, fraction := false, false
	return strings.Map(func(c rune) rune {
		switch {
		case c == '.':
			fraction = true
			return c
		case c < '0' || c > '9':
			return c
		case !began && c == '0', fraction && c == '0':
			return c
		case !began:
			began = true
			if fraction || len(t) < 16 {
				return r.pick(digits[1:])
			}
			return r.pick(most)
		case fraction:
			return r.pick(digits[1:])
		}
		return r.pick(digits)
	}, t)
}
