package notehub

import "github.com/billwatch/billwatch/poller"

// Fields returns what is read of each answer.
func (p *provider) Fields() []poller.Field {
	list, detail, history := "/v1/"+p.family.path, p.route(""), p.route("/balance-history")
	row, plan, record := p.family.list+"[].", fieldPlan+".", fieldData+"[]."
	return []poller.Field{
		{Route: list, Path: row + fieldUID},
		{Route: list, Path: row + fieldName},
		{Route: list, Path: row + fieldRole, Word: true},
		{Route: detail, Path: fieldUID},
		{Route: detail, Path: fieldName},
		{Route: detail, Path: fieldOwner},
		{Route: detail, Path: fieldEmail},
		{Route: detail, Path: fieldSuspended},
		{Route: detail, Path: plan + fieldType, Word: true},
		{Route: detail, Path: plan + fieldBalance},
		{Route: detail, Path: plan + fieldStart},
		{Route: detail, Path: plan + fieldEnd},
		{Route: detail, Path: plan + fieldCapacity},
		{Route: history, Path: record + fieldPeriod},
		{Route: history, Path: record + fieldRemaining},
		{Route: history, Path: record + fieldUsed},
	}
}
