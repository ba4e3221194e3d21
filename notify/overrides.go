package notify

// Overrides are an integration's own templates; an empty one leaves the
// default. Settings with such templates have a method Overrides that returns
// them.
type Overrides struct {
	Title string
	Text  string
	HTML  string
}
