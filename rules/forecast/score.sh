#!/bin/sh
# Scores the forecast on the open half of a benchmark of real daily series, and
# ends with 1 where it is worse than it has been promised to be.
#   score.sh BILLWATCH SIGNAL
# SIGNAL is the folder of the benchmark: the scorer's Go source, and open/ with
# obs.csv.gz and truth.csv.gz.
set -eu

if [ $# -ne 2 ] || [ ! -f "$2/open/obs.csv.gz" ] || [ ! -f "$2/go.mod" ]; then
	echo "score: SIGNAL must be the folder of the run-out benchmark: its scorer in Go, and open/obs.csv.gz and truth.csv.gz" >&2
	echo "  hint: make score SIGNAL=path/to/signal" >&2
	exit 2
fi
billwatch=$1 signal=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go build -C "$signal" -o "$tmp/signal" .

"$billwatch" forecast --each-day --alert "$signal/open/obs.csv.gz" >"$tmp/all.csv"
"$tmp/signal" score -by class -against mean-7d "$signal/open" "$tmp/all.csv"
"$tmp/signal" score -by kind "$signal/open" "$tmp/all.csv" | grep -E '^\| (drain|plenty|spike|step|topup) '

# What it said of the first half of an account must not change with the second.
"$tmp/signal" cut -n 60 "$signal/open" >"$tmp/cut-records.csv"
"$billwatch" forecast --each-day --alert "$tmp/cut-records.csv" >"$tmp/cut.csv"
"$tmp/signal" same "$tmp/all.csv" "$tmp/cut.csv"

"$tmp/signal" score -json "$signal/open" "$tmp/all.csv" | awk -F '[":, ]+' '
	function bar(key, low, high) {
		if (!(key in got)) { printf "score: no %s\n", key; bad = 1 }
		else if (got[key] < low || got[key] > high) { printf "score: %s is %.3f, not within %s and %s\n", key, got[key], low, high; bad = 1 }
	}
	NF >= 3 { got[$2] = $3 }
	END {
		bar("mae", 0, 5.8); bar("pinball", 0, 2.02); bar("coverage", .77, .83)
		bar("f1_7", .815, 1); bar("flaps7", 0, .12); bar("cost7", 0, 1.86)
		if (!bad) print "score: as good as promised"
		exit bad
	}'
