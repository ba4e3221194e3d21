package poller

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxRetryAfter = time.Hour

// retryAfter reads the Retry-After header: seconds or a date, at most an hour.
// It is zero where the header is missing, past or nonsense: then the caller
// backs off by its own measure.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if text != "" && strings.Trim(text, "0123456789") == "" { // more digits than an integer holds
		return maxRetryAfter
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	// The server's own clock measures the distance, where it tells it.
	if served, err := http.ParseTime(h.Get("Date")); err == nil {
		now = served
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}

// retryInfo reads the delay that Google's error model keeps in the body, where
// no header says one.
func retryInfo(body []byte) time.Duration {
	var status struct {
		Details []struct {
			Type  string `json:"@type"`
			Delay string `json:"retryDelay"`
		} `json:"details"`
	}
	_ = json.Unmarshal(body, &status) // of what is otherwise, nothing is kept
	for _, d := range status.Details {
		if !strings.HasSuffix(d.Type, "google.rpc.RetryInfo") {
			continue
		}
		if delay, err := time.ParseDuration(d.Delay); err == nil {
			return min(max(delay, 0), maxRetryAfter)
		}
	}
	return 0
}
