package rules

// lintUntil warns of an until that changes nothing, or that never lets an
// alert end: it counts only once expr does not hold.
func (s *subject) lintUntil() {
	until := s.until
	if until == nil {
		return
	}
	if v, ok := until.logic.constant(until.root()); ok && v.isTrue() {
		until.warn(until.root(), "condition is always true", until.always)
		return
	}
	if !until.sound || !s.expr.sound {
		return
	}
	calm := s.expr.cases(false)
	if possible, _ := calm.possible(world{}); !possible {
		return
	}
	if possible, _ := calm.and(until.cases(true)).possible(world{}); !possible {
		until.warn(until.root(), "until cannot hold once expr does not", "an alert never resolves; write what must hold for it to end")
		return
	}
	if possible, _ := calm.and(until.cases(false)).possible(world{}); !possible {
		until.warn(until.root(), "until holds whenever expr does not", "it changes nothing; leave some distance between the two")
	}
}
