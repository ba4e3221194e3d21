#!/bin/sh
# Compares the alerts that a backtest reports with those that the scorer of the
# run-out benchmark is given: the same rule, on at 7 days and until more than 8,
# once through the whole road of the service and once as an estimate a day. Ends
# with 1 where one day of one account differs.
#   scorealerts.sh BILLWATCH SIGNAL
# SIGNAL is the folder of the benchmark, as for score.sh.
set -eu

if [ $# -ne 2 ] || [ ! -f "$2/open/obs.csv.gz" ] || [ ! -f "$2/go.mod" ]; then
	echo "score-alerts: SIGNAL must be the folder of the run-out benchmark: its scorer in Go, and open/obs.csv.gz and truth.csv.gz" >&2
	echo "  hint: make score-alerts SIGNAL=path/to/signal" >&2
	exit 2
fi
billwatch=$1 signal=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go build -C "$signal" -o "$tmp/signal" .
gunzip -c "$signal/open/obs.csv.gz" >"$tmp/obs.csv"

# Nobody is asked and nobody is told: a backtest of records needs only the rule.
cat >"$tmp/billwatch.yaml" <<'END'
sources: { none: { type: notehub, token: none } }
receivers: { ops: { webhook: { url: "https://hooks.example.com/x" } } }
state: sqlite:none.db
builtin_rules: { disabled: [AccountSuspended, RunsOutSoon] }
rules:
  - { alert: Runway, expr: runway_days() <= 7, until: runway_days() > 8 }
END
"$billwatch" forecast --each-day --alert "$tmp/obs.csv" >"$tmp/said.csv"
"$billwatch" backtest -c "$tmp/billwatch.yaml" --history "$tmp/obs.csv" -o json >"$tmp/backtest.json"

# An account, and when an alert on it began and ended; "-" while it fires.
awk -F '"' '
	$2 == "account" { account = $4 }
	$2 == "from" && account != "" { from = $4 }
	$2 == "to" && from != "" { print account "," from "," ($4 == "" ? "-" : $4); from = "" }
' "$tmp/backtest.json" >"$tmp/spans.csv"

# What the forecast said, with the alert of the backtest in the place of its own. A
# record is judged when its day is over.
awk -F , -v OFS=, -v told="$tmp/told" '
	function midnight_after(day,    y, m, d, days) {
		y = substr(day, 1, 4) + 0; m = substr(day, 6, 2) + 0; d = substr(day, 9, 2) + 1
		days = m == 2 ? (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : 28) : (m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31)
		if (d > days) { d = 1; m++ }
		if (m > 12) { m = 1; y++ }
		return sprintf("%04d-%02d-%02dT00:00:00Z", y, m, d)
	}
	FILENAME ~ /spans.csv$/ { n = ++spans[$1]; from[$1, n] = $2; to[$1, n] = $3; next }
	FILENAME ~ /obs.csv$/ { ends[$1, $2] = midnight_after($3); next }
	FNR == 1 { print; next }
	{
		at = ends[$1, $2]; on = 0
		for (i = 1; i <= spans[$1]; i++)
			if (from[$1, i] <= at && (to[$1, i] == "-" || at < to[$1, i])) on = 1
		days++; firing += on
		if (on != $6) { differ++; if (differ <= 10) printf "score-alerts: %s day %s (%s): the backtest says %d, the forecast %d\n", $1, $2, at, on, $6 > "/dev/stderr" }
		$6 = on; print
	}
	END { printf "%d %d %d\n", days, firing, differ > told }
' "$tmp/spans.csv" "$tmp/obs.csv" "$tmp/said.csv" >"$tmp/played.csv"

for who in said played; do
	"$tmp/signal" score -by class "$signal/open" "$tmp/$who.csv" >"$tmp/$who.md"
done
cat "$tmp/played.md"
read -r days firing differ <"$tmp/told"
echo "score-alerts: $days days, $firing of them with the alert on, $differ differ"
if [ "$firing" -eq 0 ] || [ "$differ" -ne 0 ]; then
	exit 1
fi
# The same alerts must give the same score; only the file's own name may differ.
sed "s/said/x/g" "$tmp/said.md" >"$tmp/a" && sed "s/played/x/g" "$tmp/played.md" >"$tmp/b"
if ! cmp -s "$tmp/a" "$tmp/b"; then
	echo "score-alerts: the scorer counts them otherwise" >&2
	diff "$tmp/a" "$tmp/b" >&2
	exit 1
fi
