package web

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// acknowledgement is a silence until resolved with a name on it.
func acknowledgement(h handled, now time.Time) (billwatch.Silence, error) {
	if h.Author == "" {
		return billwatch.Silence{}, errors.New("author: say who takes care of it")
	}
	if h.Duration != "" {
		return billwatch.Silence{}, errors.New("duration: an acknowledgement lasts until the alert resolves; a silence lasts for a while")
	}
	return billwatch.Silence{
		StartsAt: now, EndsAt: now.Add(notify.LongestUntilResolved), UntilResolved: true,
		CreatedBy: h.Author, Comment: h.Comment,
	}, nil
}

// pause is a silence for a while.
func pause(h handled, now time.Time) (billwatch.Silence, error) {
	length, err := model.ParseDuration(h.Duration)
	switch {
	case err != nil:
		return billwatch.Silence{}, fmt.Errorf("duration: %q is not a duration such as 4h", shortened(h.Duration))
	case length <= 0:
		return billwatch.Silence{}, errors.New("duration: must be more than zero")
	case h.Author == "":
		return billwatch.Silence{}, errors.New("author: say who makes the silence")
	}
	return billwatch.Silence{StartsAt: now, EndsAt: now.Add(time.Duration(length)), CreatedBy: h.Author, Comment: h.Comment}, nil
}
