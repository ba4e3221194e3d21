package simulate

import "time"

// decimalJSON is how the API writes most amounts.
type decimalJSON struct {
	Value string `json:"value"`
}

func amount(m micros) decimalJSON { return decimalJSON{m.String()} }

type transactionJSON struct {
	ID          string      `json:"id"`
	Amount      decimalJSON `json:"amount"`
	Description string      `json:"description"`
	CreateTime  time.Time   `json:"createTime"`
}

type accountJSON struct {
	ID                string        `json:"id"`
	CreateTime        time.Time     `json:"createTime"`
	DisplayName       string        `json:"displayName"`
	StripeRef         string        `json:"stripeRef"`
	CreateBy          string        `json:"createBy"`
	MonthlySpend      string        `json:"monthlySpend"` // a plain string, unlike all others
	HourlySpendRate   decimalJSON   `json:"hourlySpendRate"`
	TaxID             taxJSON       `json:"taxId"`
	InvoiceTime       time.Time     `json:"invoiceTime"`
	BillingThreshold  decimalJSON   `json:"billingThreshold"`
	MonthlySpendLimit decimalJSON   `json:"monthlySpendLimit"`
	HourlySpendLimit  decimalJSON   `json:"hourlySpendLimit"`
	NextInvoiceTotal  decimalJSON   `json:"nextInvoiceTotal"`
	CreditBalance     decimalJSON   `json:"creditBalance"`
	Recharge          *rechargeJSON `json:"creditBalanceRecharge"`
	BillingAddress    addressJSON   `json:"billingAddress"`
	State             string        `json:"state"`
	PaymentTerms      string        `json:"paymentTerms"`
	DeleteTime        *time.Time    `json:"deleteTime"`
	PurgeTime         *time.Time    `json:"purgeTime"`
}

type taxJSON struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type addressJSON struct {
	Name       string `json:"name"`
	Phone      string `json:"phone"`
	City       string `json:"city"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	State      string `json:"state"` // a province
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

type rechargeJSON struct {
	Low          decimalJSON  `json:"low"`
	High         decimalJSON  `json:"high"`
	AutoRecharge bool         `json:"autoRecharge"`
	Transaction  *paymentJSON `json:"transaction"`
}

type paymentJSON struct {
	ID           string      `json:"id"`
	Amount       decimalJSON `json:"amount"`
	Description  string      `json:"description"`
	CreateTime   time.Time   `json:"createTime"`
	Status       string      `json:"status"`
	Succeeded    bool        `json:"succeeded"`
	LatestCharge chargeJSON  `json:"latestCharge"`
	LastError    *errorJSON  `json:"lastPaymentError"`
}

type chargeJSON struct {
	Amount      decimalJSON `json:"amount"`
	CreateTime  time.Time   `json:"createTime"`
	Paid        bool        `json:"paid"`
	Refunded    bool        `json:"refunded"`
	Status      string      `json:"status"`
	FailureCode string      `json:"failureCode,omitempty"`
}

type errorJSON struct {
	Code        string `json:"code"`
	DeclineCode string `json:"declineCode"`
}

// body is the account as it is now, with the personal data that nobody who
// watches balances may keep.
func (r *rental) body(now time.Time) accountJSON {
	b := r.run(now)
	utc := now.UTC()
	a := accountJSON{
		ID: r.slug, DisplayName: r.name, CreateBy: r.owner,
		CreateTime: r.epoch.Add(-100*day + 123_456*time.Microsecond),
		StripeRef:  "cus_SIMULATED_" + r.slug,
		TaxID:      taxJSON{"txi_SIMULATED_" + r.slug, "eu_vat", "XX000000000"},
		BillingAddress: addressJSON{
			Name: r.name + " (simulated)", Phone: "+00 000 0000000", City: "Nowhere", Line1: "1 Simulated Street",
			State: "Nevershire", PostalCode: "ZZ0 0ZZ", Country: "ZZ",
		},
		State: r.state(b, now), PaymentTerms: "PAYMENT_TERMS_PREPAID",
		CreditBalance: amount(b.balance), HourlySpendRate: amount(b.rate), MonthlySpend: b.spent.String(),
		HourlySpendLimit: amount(r.hourlyLimit), MonthlySpendLimit: amount(r.monthly),
		BillingThreshold: amount(0), NextInvoiceTotal: amount(0),
		InvoiceTime: time.Date(utc.Year(), utc.Month()+1, 1, 0, 0, 0, 0, time.UTC),
		Recharge:    &rechargeJSON{Low: amount(r.low), High: amount(r.high), AutoRecharge: r.high > 0},
	}
	if r.invoiced {
		a.PaymentTerms, a.Recharge = "PAYMENT_TERMS_INVOICE", nil
		a.BillingThreshold, a.NextInvoiceTotal = amount(5000*dollar), amount(b.spent)
	}
	if b.payment != nil {
		a.Recharge.Transaction = b.payment.body(r.slug)
	}
	if at := r.start.Add(r.deleted); r.purged > 0 && !now.Before(at) {
		gone := r.start.Add(r.purged)
		a.DeleteTime, a.PurgeTime = &at, &gone
	}
	return a
}

func (r *rental) state(b books, now time.Time) string {
	switch {
	case covers(r.abuse, now.Sub(r.start)):
		return "STATE_SUSPENDED_ABUSE"
	case b.unpaid:
		return "STATE_SUSPENDED_PAYMENT"
	}
	return "STATE_ACTIVE"
}

func (p *payment) body(slug string) *paymentJSON {
	sum, charged := amount(p.amount), p.at.Add(time.Second)
	body := &paymentJSON{
		ID: "pi_SIMULATED_" + slug, Amount: sum, Description: "Automatic credit recharge", CreateTime: p.at,
		Status: "succeeded", Succeeded: true,
		LatestCharge: chargeJSON{Amount: sum, CreateTime: charged, Paid: true, Status: "succeeded"},
	}
	if !p.succeeded {
		body.Status, body.Succeeded = "requires_payment_method", false
		body.LatestCharge = chargeJSON{Amount: sum, CreateTime: charged, Status: "failed", FailureCode: "card_declined"}
		body.LastError = &errorJSON{"card_declined", "insufficient_funds"}
	}
	return body
}
