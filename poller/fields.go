package poller

// Fields is what the accounts of a source can have, as far as its settings
// tell: rules that ask for anything else there can be told so before the first
// poll.
type Fields struct {
	Provider string   // of each account
	Kind     string   // of each account
	Names    []string // as rules name them, beside what every account has: id, name, kind, source, provider
}

// Fielder is Settings that know what their accounts can have.
type Fielder interface {
	Fields() Fields
}

// FieldsOf returns what the accounts of a source can have; false where its
// settings do not tell.
func FieldsOf(s Settings) (Fields, bool) {
	f, ok := s.(Fielder)
	if !ok {
		return Fields{}, false
	}
	return f.Fields(), true
}
