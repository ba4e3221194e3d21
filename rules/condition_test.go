package rules_test

import (
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/rules"
)

const (
	isTrue        = "true"
	isFalse       = "false"
	notSent       = "unknown not_sent"
	notApplicable = "unknown not_applicable"
	failed        = "unknown evaluation_error"
)

func said(e billwatch.Evaluation) string {
	if e.Reason == "" {
		return e.Outcome.String()
	}
	return e.Outcome.String() + " " + e.Reason
}

// full is an account of which everything is known that the tables ask for; its
// spend.monthly was not sent, and it has no recharge.
func full() rules.Input {
	s := acme()
	s.Spend.Hourly = billwatch.Known(amount(0))
	s.Spend.Monthly = billwatch.NotSent[billwatch.Decimal]()
	s.State = billwatch.NotSent[string]()
	before := acme()
	before.Balance = billwatch.Known(amount(5_100))
	before.Plan.Type = billwatch.Known("Essentials")
	return rules.Input{
		Snapshot: s, Previous: &before, Records: using(5_000, 100, 60),
		Vars: map[string]any{"floor": 6000, "word": "yes", "on": true},
	}
}

func TestCondition(t *testing.T) {
	tests := []struct{ name, expr, want string }{
		{"a number is compared", `balance < 6000`, isTrue},
		{"and the other way", `balance > 6000`, isFalse},
		{"chained comparisons", `1000 < balance < 6000`, isTrue},
		{"a text is compared", `plan.type == "Enterprise"`, isTrue},
		{"a flag stands alone", `suspended`, isFalse},
		{"not", `!suspended and not (balance < 1)`, isTrue},
		{"a list", `plan.type in ["Essentials", "Enterprise"]`, isTrue},
		{"not in a list", `plan.type not in ["Essentials", "Enterprise"]`, isFalse},
		{"an empty list holds nothing", `plan.type in []`, isFalse},
		{"beginning of a text", `account.name startsWith "Ac"`, isTrue},
		{"a pattern", `account.id matches "^app:[0-9]+$"`, isTrue},
		{"a label", `account.labels.team == "iot"`, isTrue},
		{"a label in brackets", `account.labels["team"] == "iot"`, isTrue},
		{"a variable of the account's own", `balance < vars.floor`, isTrue},
		{"time arithmetic", `plan.end - now > duration("29d") && now + duration("4w") < plan.end`, isTrue},
		{"a date", `now > date("2026-11-24")`, isTrue},
		{"calculation is with floats", `7 / 2 == 3.5 && 7 % 4 == 3 && 2 ** 3 == 8 && -1 < 0`, isTrue},
		{"integers do not wrap", `9223372036854775807 + 1 > 0`, isTrue},
		{"texts are joined", `account.name + "!" == "Acme!"`, isTrue},
		{"one or the other", `(balance > 1 ? plan.type : account.name) == "Enterprise"`, isTrue},
		{"true is legal", `true`, isTrue},

		{"not sent is unknown", `spend.monthly > 1`, notSent},
		{"a text that was not sent is unknown", `state == "active"`, notSent},
		{"not applicable is unknown", `recharge.low > 1`, notApplicable},
		{"a missing label is nil", `account.labels.nobody == "x"`, notApplicable},
		{"unknown or true is true", `spend.monthly > 1 || balance < 6000`, isTrue},
		{"true or unknown is true", `balance < 6000 || spend.monthly > 1`, isTrue},
		{"unknown or false is unknown", `spend.monthly > 1 || balance > 6000`, notSent},
		{"unknown and false is false", `spend.monthly > 1 && balance > 6000`, isFalse},
		{"false and unknown is false", `balance > 6000 && spend.monthly > 1`, isFalse},
		{"unknown and true is unknown", `spend.monthly > 1 && balance < 6000`, notSent},
		{"not unknown is unknown", `!(spend.monthly > 1)`, notSent},
		{"an unknown amid a sum is unknown", `balance + spend.monthly > 1`, notSent},
		{"an unknown in a list is unknown", `state in ["active"]`, notSent},
		{"an unknown item makes a list unknown", `plan.type in ["Enterprise", state]`, notSent},
		{"an unknown condition of ?: is unknown", `spend.monthly > 1 ? true : true`, notSent},
		{"an unknown argument is unknown", `abs(spend.monthly) >= 0`, notSent},
		{"not sent outweighs not applicable", `recharge.low > 1 && spend.monthly > 1`, notSent},
		{"whichever stands left", `spend.monthly > 1 && recharge.low > 1`, notSent},
		{"is nil", `spend.monthly == nil`, isTrue},
		{"is not nil", `balance != nil`, isTrue},
		{"nil on the left", `nil == spend.monthly`, isTrue},
		{"not applicable is nil", `recharge.low == nil`, isTrue},
		{"a default", `(spend.monthly ?? 7) == 7`, isTrue},
		{"a default that is not needed", `(balance ?? 7) == 7`, isFalse},
		{"the explicit form", `plan.end != nil && days_until(plan.end) < 14`, isFalse},

		{"division by zero is an error", `balance / spend.hourly > 1`, failed},
		{"modulo by zero is an error", `balance % spend.hourly > 1`, failed},
		{"an overflow is an error", `10 ** 200 * 10 ** 200 > 1`, failed},
		{"a root of less than nothing is an error", `(0 - 8) ** 0.5 > 1`, failed},
		{"false and an error is false", `balance > 6000 && balance / spend.hourly > 1`, isFalse},
		{"an error and false is false", `balance / spend.hourly > 1 && balance > 6000`, isFalse},
		{"true or an error is true", `suspended == false || balance / spend.hourly > 1`, isTrue},
		{"an error is for its operand only", `spend.hourly > 0 && balance / spend.hourly < 0.1`, isFalse},
		{"an error outweighs what was not sent", `spend.monthly > 1 && balance / spend.hourly > 1`, failed},
		{"a variable of the wrong kind is an error", `balance < vars.word`, failed},
		{"and so is one in a calculation", `balance * vars.on > 1`, failed},
		{"durations are added and multiplied", `plan.end - now + duration("1d") == duration("31d") && 2 * duration("7d") == duration("2w") && duration("2w") * 0.5 == duration("7d")`, isTrue},
		{"durations are subtracted and divided", `duration("2w") - duration("7d") == duration("7d") && duration("2w") / 2 == duration("7d") && plan.end - duration("30d") == now`, isTrue},
		{"a duration over nothing is an error", `duration("1d") / spend.hourly > duration("1d")`, failed},
		{"a duration beyond all measure is an error", `duration("1d") * 1e300 > duration("1d")`, failed},
		{"a variable that is a flag stands alone", `vars.on`, isTrue},
		{"a variable that is none does not", `vars.word`, failed},
		{"not a text is an error", `!vars.word`, failed},
		{"less a text is an error", `-vars.word < 1`, failed},
		{"a text and true is an error", `vars.word && true`, failed},
		{"a text decides nothing", `vars.word ? true : true`, failed},
		{"a number contains nothing", `vars.floor contains "6"`, failed},
		{"a number matches nothing", `vars.floor matches "6"`, failed},
		{"a text is in no list of numbers", `vars.word in [1, 2]`, failed},
		{"a variable through a default", `(vars.unheard ?? vars.floor) == 6000`, isTrue},
		{"a variable on one side of :", `(suspended ? 1 : vars.floor) == 6000`, isTrue},
		{"what is not sent does not match", `state matches "a"`, notSent},
		{"nor contain", `state contains "a"`, notSent},
		{"nor is it negative", `-spend.monthly < 1`, notSent},
		{"a variable that is not set is not applicable", `balance < vars.unheard`, notApplicable},

		{"previous", `previous.balance - balance == 100`, isTrue},
		{"previous is there", `previous != nil`, isTrue},
		{"a field of previous that was not sent", `previous.spend.monthly > 1`, notApplicable},
		{"optional access is access", `previous?.plan?.type == "Essentials"`, isTrue},
		{"changed", `changed("plan.type")`, isTrue},
		{"not changed", `changed("suspended")`, isFalse},
		{"changed, when it is not known", `changed("state")`, notSent},

		{"burn rate", `burn_rate() == 100 && burn_rate("28d") == 100`, isTrue},
		{"used", `used("3d") == 300`, isTrue},
		{"top-ups", `top_ups("30d") == 0`, isTrue},
		{"a runway", `runway_days() > 49.9 && runway_days() < 50.1`, isTrue},
		{"quantiles are in order", `runway_days(0.1) < runway_days() < runway_days(0.9)`, isTrue},
		{"the end", `exhausts_at() > now + duration("49d") && exhausts_at() < now + duration("51d")`, isTrue},
		{"a forecast", `round(forecast(10)) == 4000 && forecast(10, 0.1) < forecast(10)`, isTrue},
		{"a forecast for ever", `forecast(days_until(date("9999-12-31"))) < 0 && forecast(1e300) < 0`, isTrue},
		{"a forecast of the past", `forecast(-1e300) == 5000`, isTrue},
		{"percent left", `percent_left() == 50`, isTrue},
		{"days until", `days_until(plan.end) == 30`, isTrue},
		{"history", `history_days() == 60`, isTrue},
		{"an ordinary day is no anomaly", `abs(usage_anomaly()) < 0.01`, isTrue},
		{"functions of numbers", `min(1, 2) == 1 && max(1, 2) == 2 && abs(-1) == 1 && floor(1.5) == 1 && ceil(1.5) == 2 && round(1.5) == 2`, isTrue},
		{"functions of texts", `lower(account.name) == "acme" && upper(account.name) == "ACME" && trim(" a ") == "a"`, isTrue},
		{"a pipe", `(balance | abs()) == 5000`, isTrue},
		{"a quantile out of range is an error", `runway_days(vars.floor) > 1`, failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, tt.expr, full())
			if said(got) != tt.want {
				t.Errorf("%s\n got %s (%s)\nwant %s", tt.expr, said(got), got.Detail, tt.want)
			}
		})
	}
}

func TestConditionOverOddAccounts(t *testing.T) {
	unused := full()
	unused.Records = using(5_000, 0, 60)
	young := full()
	young.Records = using(5_000, 100, 2)
	young.Snapshot.Spend.Hourly = billwatch.Value[billwatch.Decimal]{}
	rated := young
	rated.Snapshot.Spend.Hourly = billwatch.Known(amount(10))
	first := full()
	first.Previous = nil
	debt := full()
	debt.Snapshot.Balance = billwatch.Known(amount(-20))
	empty := full()
	empty.Snapshot.Plan.Capacity = billwatch.Known(amount(0))
	blank := full()
	blank.Snapshot.Plan.Capacity = billwatch.Value[billwatch.Decimal]{}
	euro := full()
	euro.Snapshot.Unit = "EUR"
	invoice := full()
	invoice.Snapshot.Balance = billwatch.Value[billwatch.Decimal]{}
	hidden := full()
	hidden.Snapshot.Balance = billwatch.NotSent[billwatch.Decimal]()
	hidden.Snapshot.Suspended = billwatch.Known(true)
	tests := []struct {
		name string
		in   rules.Input
		expr string
		want string
	}{
		{"no use lasts for ever", unused, `runway_days() > 1000000`, isTrue},
		{"for ever without use leaves all", unused, `forecast(runway_days()) == 5000`, isTrue},
		{"for ever is later than any plan", unused, `exhausts_at() > plan.end && days_until(exhausts_at()) > 1000000`, isTrue},
		{"for ever less a day is for ever", unused, `runway_days() - 1 > 1000000`, isTrue},
		{"for ever less for ever is an error", unused, `runway_days() - runway_days() == 0`, failed},
		{"two days make no forecast", young, `runway_days() < 14`, notSent},
		{"but they are history", young, `history_days() == 2 && used("7d") == 200`, isTrue},
		{"two days make no anomaly", young, `usage_anomaly() > 3`, notSent},
		{"the provider's rate makes one", rated, `runway_days() > 20.8 && runway_days() < 20.9`, isTrue},
		{"there is no poll before the first", first, `previous == nil && !changed("balance")`, isTrue},
		{"and nothing is known of it", first, `previous.balance > 0`, notApplicable},
		{"a debt is a value", debt, `balance < 0 && percent_left() == 0 && runway_days() == 0`, isTrue},
		{"no share of nothing", empty, `percent_left() < 10`, notSent},
		{"an error is no default", empty, `plan.capacity > 0 && balance / plan.capacity < 0.1`, isFalse},
		{"without a capacity the highest balance is full", blank, `percent_left() > 45 && percent_left() < 46`, isTrue},
		{"two units are not compared", euro, `balance < 6000`, failed},
		{"nor forecast", euro, `burn_rate() > 1`, failed},
		{"but their change is seen", euro, `changed("unit")`, isTrue},
		{"an account on invoice is never low", invoice, `balance < 1000`, notApplicable},
		{"nor at an end", invoice, `exhausts_at() < plan.end`, notApplicable},
		{"nor foreseen", invoice, `forecast(7) < 1`, notApplicable},
		{"nor a share of anything", invoice, `percent_left() < 10`, notApplicable},
		{"two days foresee nothing", young, `forecast(7) < 1`, notSent},
		{"a label of the poll before", full(), `previous.account.labels.team == "iot"`, isTrue},
		{"of no poll before there is no label", first, `previous.account.labels.team == "iot"`, notApplicable},
		{"nor running out", invoice, `runway_days() < 3`, notApplicable},
		{"suspension is seen without a balance", hidden, `balance < 1000 || suspended`, isTrue},
		{"suspension is seen on the other side, too", hidden, `suspended || balance < 1000`, isTrue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(t, tt.expr, tt.in)
			if said(got) != tt.want {
				t.Errorf("%s\n got %s (%s)\nwant %s", tt.expr, said(got), got.Detail, tt.want)
			}
		})
	}
}
