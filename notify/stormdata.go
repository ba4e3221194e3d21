package notify

import "github.com/billwatch/billwatch"

// StormData is what a digest says of everything that it stands for; .Alerts are
// the worst of it.
type StormData struct {
	Messages int         // that it stands for
	Firing   int         // alerts that fire
	Resolved int         // alerts that have ended
	Rules    []StormRule // most alerts first
}

// StormRule counts the alerts of one rule.
type StormRule struct {
	Rule     string // the rule's name
	Severity string // the label; may be empty
	Firing   int    // alerts that fire
	Resolved int    // alerts that have ended
}

// First returns the first n rules.
func (s *StormData) First(n int) []StormRule { return s.Rules[:max(0, min(n, len(s.Rules)))] }

func storm(s *billwatch.Storm) *StormData {
	if s == nil {
		return nil
	}
	d := &StormData{Messages: s.Groups}
	for _, r := range s.Rules {
		d.Firing += r.Firing
		d.Resolved += r.Resolved
		d.Rules = append(d.Rules, StormRule{cleanLine(r.Rule, maxName), cleanLine(r.Severity, maxLabel), r.Firing, r.Resolved})
	}
	return d
}
