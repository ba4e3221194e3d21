package document

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// ParseDuration reads a Prometheus duration: 90s, 15m, 1h30m, 7d, 2w.
func ParseDuration(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 15m, 1h30m or 7d", s)
	}
	return time.Duration(d), nil
}
