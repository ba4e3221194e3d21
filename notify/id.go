package notify

import (
	"crypto/rand"
	"encoding/base32"
	"time"
)

// NewID returns a notification's id: "ntf_" and 26 characters, 10 of them the
// time in milliseconds, so that ids sort by age, and 16 of them random.
func NewID(now time.Time) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz" // no i, l, o, u: ids are read aloud
	millis := uint64(now.UnixMilli())
	id := make([]byte, 26)
	for i := 9; i >= 0; i-- {
		id[i] = digits[millis&31]
		millis >>= 5
	}
	var random [10]byte
	rand.Read(random[:]) // never fails
	base32.NewEncoding(digits).WithPadding(base32.NoPadding).Encode(id[10:], random[:])
	return "ntf_" + string(id)
}
