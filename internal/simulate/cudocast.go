package simulate

import "time"

// tenant is a simulated customer who rents machines: what runs when, what is
// paid for it, and what happens to it, in time since the start of the story.
type tenant struct {
	slug, name, owner string

	invoiced bool   // pays by invoice and has no credit
	balance  micros // at the start of the story
	lasts    int    // days that each purchase before the start lasted

	machines []machine
	credits  []credit // bought by hand

	low, high micros // recharged below the one, up to the other; never where high is 0
	declined  []span // when the card is

	hourlyLimit micros // 0 for none
	nearMonthly bool   // the month's limit is little more than is spent at the start

	abuse           []span
	deleted, purged time.Duration // never where purged is 0
}

// machine is something rented at a price an hour. A machine of a story runs in
// its spans only; others run from one hour of the day to another.
type machine struct {
	hourly   micros
	from, to int // of the day; all day where both are 0
	weekdays bool
	share    uint64 // percent of the time, by chance; always where 0
	story    []span
}

type credit struct {
	at     time.Duration
	amount micros
}

// tenants lists the customers. The order is kept: pages hang on it.
func tenants() []tenant {
	const h, m = time.Hour, time.Minute
	return []tenant{
		{slug: "marlin-render", name: "Marlin Render Farm", owner: "td@marlin.example",
			balance: 5240*dollar + 20*cent, lasts: 28, hourlyLimit: 40 * dollar,
			machines: []machine{
				{hourly: 3 * dollar},
				{hourly: 7*dollar + 20*cent, from: 8, to: 18, weekdays: true},
				{hourly: 27*dollar + 60*cent, story: []span{{50 * m, 2*h + 10*m}, {3 * day, 3*day + 5*h}}},
			}},
		{slug: "nightjar-speech", name: "Nightjar Speech", owner: "ml@nightjar.example",
			balance: 41 * dollar, lasts: 7, low: 25 * dollar, high: 2000 * dollar,
			machines: []machine{{hourly: 9*dollar + 60*cent}, {hourly: 48 * cent, share: 35}}},
		{slug: "orchard-genomics", name: "Orchard Genomics", owner: "lab@orchard.example",
			balance: 38*dollar + 40*cent, lasts: 7, low: 30 * dollar, high: 3000 * dollar,
			declined: []span{{0, 4*h + 5*m}},
			machines: []machine{{hourly: 14*dollar + 40*cent}}},
		{slug: "pinewood-folding", name: "Pinewood Folding", owner: "accounts@pinewood.example",
			invoiced: true,
			machines: []machine{{hourly: 11*dollar + 40*cent}, {hourly: 6 * dollar, from: 20, to: 6}, {hourly: 2*dollar + 413_800, share: 60}}},
		{slug: "quarry-vision", name: "Quarry Vision", owner: "admin@quarry.example",
			balance: 512*dollar + 75*cent, lasts: 21,
			abuse:    []span{{2*h + 40*m, 4*h + 20*m}},
			machines: []machine{{hourly: 1*dollar + 80*cent}}},
		{slug: "redwing-diffusion", name: "Redwing Diffusion", owner: "hello@redwing.example",
			balance: 241*dollar + 20*cent, lasts: 14, credits: []credit{{30 * h, 150 * dollar}},
			machines: []machine{
				{hourly: 1*dollar + 20*cent},
				{hourly: 10*dollar + 80*cent, story: []span{{75 * m, 3*h + 15*m}, {2 * day, 2*day + 4*h}}},
			}},
		{slug: "saltmarsh-climate", name: "Saltmarsh Climate Models", owner: "hpc@saltmarsh.example",
			balance: 2204*dollar + 6*cent, lasts: 28, nearMonthly: true,
			machines: []machine{{hourly: 4*dollar + 20*cent}, {hourly: 2*dollar + 413_800, share: 50}}},
		{slug: "tamarack-robotics", name: "Tamarack Robotics", owner: "closed@tamarack.example",
			balance: 3*dollar + 15*cent, lasts: 21, deleted: -12 * day, purged: 26 * h,
			machines: []machine{{hourly: 60 * cent}}},
	}
}
