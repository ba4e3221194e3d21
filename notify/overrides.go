package notify

import "time"

// Overrides are an integration's own templates and zone; an empty one leaves
// the default. Settings with such templates have a method Overrides that returns
// them.
type Overrides struct {
	Title string
	Text  string
	HTML  string

	Timezone *time.Location // of times in its messages; nil for the common one
}
