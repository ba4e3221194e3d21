package simulate

import "time"

// account is a simulated organization: who it is, how it uses events, and what
// happens to it, in time since the start of the story.
type account struct {
	index uint64

	name, role, contact string

	plan     string
	capacity int64         // of an Enterprise plan
	ends     time.Duration // when its term ends; a new one of a year follows

	balance int64 // at the start of the story
	perHour int64 // average use

	refresh  bool  // Essentials: topped up to 5,000 on the first of each month
	recharge int64 // bought whenever the balance is below a tenth of it
	topUps   []topUp
	bursts   []burst

	suspended []span // told by the flag
	refused   []span // told by a refusal
}

type span struct{ from, to time.Duration }

type burst struct {
	span
	perHour int64 // beside the average use, at any hour
}

type topUp struct {
	at     time.Duration
	amount int64
}

const (
	day         = 24 * time.Hour
	historyDays = 90
	essentials  = "Essentials"
	enterprise  = "Enterprise"
	freeEvents  = 5000
)

// covers says whether t lies in one of the spans.
func covers(spans []span, t time.Duration) bool {
	for _, s := range spans {
		if t >= s.from && t < s.to {
			return true
		}
	}
	return false
}

// cast lists the organizations. The order is kept: identities and noise hang
// on it.
func cast() []account {
	const h, m = time.Hour, time.Minute
	return []account{
		{name: "Alder Creek Water", role: "org_admin", contact: "ops@alder-creek.example",
			plan: enterprise, capacity: 12_000_000, ends: 190 * day, balance: 2_750_000, perHour: 3000},
		{name: "Beacon Cold Chain", role: "billing_manager", contact: "billing@beacon.example",
			plan: essentials, balance: 4100, perHour: 3, refresh: true},
		{name: "Cedar Street Labs", role: "org_admin", contact: "hello@cedar-street.example",
			plan: essentials, balance: 180, perHour: 2},
		{name: "Dune Solar", role: "org_admin", contact: "office@dune-solar.example",
			plan: essentials, balance: 1450, perHour: 4,
			bursts: []burst{{span{0, 12 * h}, 380}}, topUps: []topUp{{4*h + 15*m, 10_000}}},
		{name: "Elm Fleet Trackers", role: "billing_manager", contact: "fleet@elm.example",
			plan: essentials, balance: 900, perHour: 6,
			bursts: []burst{{span{30 * m, 30 * h}, 540}}, topUps: []topUp{{26 * h, 25_000}}},
		{name: "Foxglove Agritech", role: "org_admin", contact: "it@foxglove.example",
			plan: essentials, balance: 8200, perHour: 9, suspended: []span{{90 * m, 180 * m}}},
		{name: "Granite Rail", role: "project_creator", contact: "signals@granite-rail.example",
			plan: enterprise, capacity: 2_000_000, ends: 75 * day, balance: 640_000, perHour: 420,
			bursts: []burst{{span{h, 5 * h}, 9000}, {span{2 * day, 2*day + 8*h}, 12_000}}},
		{name: "Harbor Lights", role: "org_admin", contact: "team@harbor-lights.example",
			plan: enterprise, capacity: 600_000, ends: 60 * h, balance: 31_000, perHour: 160},
		{name: "Iron Valley Pumps", role: "org_admin", contact: "admin@iron-valley.example",
			plan: essentials, balance: 12_400, perHour: 14, refused: []span{{26 * h, 30 * h}}},
		{name: "Juniper Air Quality", role: "org_member", contact: "data@juniper.example",
			plan: essentials, balance: 6300, perHour: 95, recharge: 20_000},
		{name: "Kestrel Bikes & Söhne \U0001F6B2", role: "org_auditor", contact: "kestrel@bikes.example",
			plan: enterprise, capacity: 1_500_000, ends: 240 * day, balance: 930_000, perHour: 110},
		{name: "Lowland Greenhouses", role: "org_admin", contact: "office@lowland.example",
			plan: essentials, balance: 5000},
	}
}
