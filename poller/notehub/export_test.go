package notehub

import (
	"bytes"

	"github.com/billwatch/billwatch/poller"
)

// The decoders, for fuzzing without a network.
var (
	DecodeDetail  = decodeDetail
	DecodeHistory = decodeHistory
)

// DecodeList reads a list of organizations.
func DecodeList(body []byte) (poller.Listing, error) {
	listing := poller.Listing{Complete: true}
	err := (&provider{family: organizations()}).decodeList(bytes.NewReader(body), &listing)
	return listing, err
}

// Routes returns the endpoints of both families and the fields that are read
// from each, for comparing with the vendor's published description.
func Routes() map[string][]string {
	routes := map[string][]string{}
	for _, f := range []family{organizations(), billingAccounts()} {
		base := "/v1/" + f.path
		routes[base] = []string{f.list, f.list + "." + fieldUID, f.list + "." + fieldName, f.list + "." + fieldRole}
		routes[base+"/{"+f.param+"}"] = []string{
			fieldUID, fieldName, fieldOwner, fieldSuspended, fieldPlan,
			fieldPlan + "." + fieldType, fieldPlan + "." + fieldBalance, fieldPlan + "." + fieldStart,
			fieldPlan + "." + fieldEnd, fieldPlan + "." + fieldCapacity,
		}
		routes[base+"/{"+f.param+"}/balance-history"] = []string{
			fieldData, fieldData + "." + fieldPeriod, fieldData + "." + fieldRemaining, fieldData + "." + fieldUsed,
		}
	}
	detail := "/v1/organizations/{organizationUID}"
	routes[detail] = append(routes[detail], fieldEmail)
	return routes
}
