package notify

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter reads a Retry-After in seconds or as a date; 0 where there is none
// that makes sense, and an hour at most.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if date, err := http.ParseTime(text); err == nil {
		return min(max(date.Sub(now), 0), maxPause)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int64(maxPause/time.Second))) * time.Second
}
