package ruletest

// paired gives each thing that was expected one that came and fits it, as many
// as can be given: one that says little must not take what another needs. It
// returns whose each thing is that came, -1 for nobody's.
func paired(wanted, came int, fits func(want, got int) bool) []int {
	whose := make([]int, came)
	for got := range whose {
		whose[got] = -1
	}
	var tried []bool
	var find func(want int) bool
	find = func(want int) bool {
		for got := range came {
			if tried[got] || !fits(want, got) {
				continue
			}
			tried[got] = true
			if whose[got] < 0 || find(whose[got]) { // its owner takes another one
				whose[got] = want
				return true
			}
		}
		return false
	}
	for want := range wanted {
		tried = make([]bool, came)
		find(want)
	}
	return whose
}

// untaken returns what nobody expected.
func untaken[T any](came []T, whose []int) []T {
	var left []T
	for i, one := range came {
		if whose[i] < 0 {
			left = append(left, one)
		}
	}
	return left
}
