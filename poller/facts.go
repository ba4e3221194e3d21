package poller

// Facts is what the accounts of a source can have, as far as its settings
// tell: rules that ask for anything else there can be told so before the first
// poll.
type Facts struct {
	Provider string   // of each account
	Kind     string   // of each account
	Names    []string // as rules name them, beside what every account has: id, name, kind, source, provider
}

// Knower is Settings that know what their accounts can have.
type Knower interface {
	Facts() Facts
}

// FactsOf returns what the accounts of a source can have; false where its
// settings do not tell.
func FactsOf(s Settings) (Facts, bool) {
	f, ok := s.(Knower)
	if !ok {
		return Facts{}, false
	}
	return f.Facts(), true
}
