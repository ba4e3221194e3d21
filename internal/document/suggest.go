package document

import "strings"

// Suggest returns the known word that is nearest to a mistyped one, "" where
// none is near.
func Suggest(word string, known []string) string {
	best, nearest := "", len([]rune(word))
	for _, k := range known {
		d := distance(strings.ToLower(word), strings.ToLower(k))
		if d < nearest && d <= suggestTolerance(word, k) {
			best, nearest = k, d
		}
	}
	if best == "" {
		return begun(word, known)
	}
	return best
}

// begun returns the only known word that the other is the beginning of.
func begun(word string, known []string) string {
	best := ""
	for _, k := range known {
		if len(word) < 4 || !strings.HasPrefix(k, word) {
			continue
		}
		if best != "" {
			return ""
		}
		best = k
	}
	return best
}

func suggestTolerance(a, b string) int { return max(1, min(3, max(len(a), len(b))/3)) }

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 { // no word is that long
		return 64
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
