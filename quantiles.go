package billwatch

import (
	"encoding/json"
	"math"
)

type quantilesJSON struct {
	P10 *float64 `json:"p10"`
	P50 *float64 `json:"p50"`
	P90 *float64 `json:"p90"`
}

// MarshalJSON writes p10, p50 and p90; JSON has no infinity, so never is null.
func (q Quantiles) MarshalJSON() ([]byte, error) {
	finite := func(f float64) *float64 {
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil
		}
		return &f
	}
	return json.Marshal(quantilesJSON{finite(q.P10), finite(q.P50), finite(q.P90)})
}

// UnmarshalJSON reads what MarshalJSON wrote; null is +Inf.
func (q *Quantiles) UnmarshalJSON(data []byte) error {
	var read quantilesJSON
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	orNever := func(f *float64) float64 {
		if f == nil {
			return math.Inf(1)
		}
		return *f
	}
	*q = Quantiles{orNever(read.P10), orNever(read.P50), orNever(read.P90)}
	return nil
}
