package rules

// Names of the rules that are on without a rule file.
const (
	AccountSuspended = "AccountSuspended"
	RunsOutSoon      = "RunsOutSoon"
)

// builtinFile is what problems would name it, if it had any.
const builtinFile = "built-in rules"

const builtinRules = `
rules:
  - alert: AccountSuspended
    expr: suspended
    labels: { severity: critical }
    annotations:
      summary: "{{ or .Account.Name .Account.ID }} is suspended"
  - alert: RunsOutSoon
    expr: runway_days(0.1) < 3
    until: runway_days(0.1) > 5
    value: runway_days()
    labels: { severity: warning }
    annotations:
      summary: "{{ or .Account.Name .Account.ID }} {{ if lt .Runway.P10 0.0007 }}has run out, or is about to{{ else }}may run out in {{ humanizeDays .Runway.P10 }}{{ end }}"
`
