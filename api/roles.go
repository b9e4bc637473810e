package api

import (
	"slices"

	"ficha/api/apikey"
)

// The operations, by their id in the OpenAPI document.
const (
	opEventsSubmit   = "submit-events"
	opEventsValidate = "validate-events"
	opEventsStatus   = "events-status"
	opCustomerGet    = "get-customer"
	opCustomerLookup = "lookup-customers"
	opCustomerSearch = "search-customers"
	opTimeline       = "get-timeline"
	opStatementsList = "list-statements"
	opStatementMake  = "make-statement"
	opStatementUndo  = "withdraw-statement"
	opInteraction    = "record-interaction"
	opContactCheck   = "check-contacts"
	opStatus         = "get-status"
	opLive           = "get-livez"
	opReady          = "get-readyz"
	opMetrics        = "get-metrics"
	opVersion        = "get-version"
	opOpenAPI        = "get-openapi"
	opDocs           = "get-docs"
	opKeyCreate      = "create-key"
	opKeyList        = "list-keys"
	opKeyRevoke      = "revoke-key"
	opImport         = "announce-import"
	opVerify         = "verify"
)

// access says who may use an operation.
type access struct {
	roles []apikey.Role // any of them
	open  bool          // anybody, without a key
	local bool          // anybody from this machine, without a key; others with a role
}

// Groups of roles that recur in the table. Admin is added everywhere by [accessTo].
var (
	desk    = []apikey.Role{apikey.Agent, apikey.Steward}
	readers = []apikey.Role{apikey.Agent, apikey.Steward, apikey.System}
	runners = []apikey.Role{apikey.Operator}
)

// accessTo is the one table role × route. What it does not name is denied, and
// [New] refuses to serve an operation without a row.
func accessTo(operation string) (access, bool) {
	a, ok := map[string]access{
		opEventsSubmit:   {roles: []apikey.Role{apikey.Publisher}},
		opEventsValidate: {roles: []apikey.Role{apikey.Publisher, apikey.Operator}},
		opEventsStatus:   {roles: []apikey.Role{apikey.Publisher, apikey.Operator}},
		opCustomerGet:    {roles: readers},
		opCustomerLookup: {roles: readers},
		opCustomerSearch: {roles: readers},
		opTimeline:       {roles: readers},
		opStatementsList: {roles: readers},
		opStatementMake:  {roles: desk},
		opStatementUndo:  {roles: desk},
		opInteraction:    {roles: desk},
		opContactCheck:   {roles: readers},
		opStatus:         {roles: runners},
		opMetrics:        {roles: []apikey.Role{apikey.Operator, apikey.System}, local: true},
		opKeyCreate:      {}, // admins only
		opKeyList:        {},
		opKeyRevoke:      {},
		opImport:         {roles: []apikey.Role{apikey.Publisher}},
		opVerify:         {roles: runners},
		opLive:           {open: true},
		opReady:          {open: true},
		opVersion:        {open: true},
		opOpenAPI:        {open: true},
		opDocs:           {open: true},
	}[operation]
	if ok && !a.open {
		a.roles = append(slices.Clone(a.roles), apikey.Admin)
	}
	return a, ok
}

// seesAll says whether the principal sees document numbers and birth dates in
// full. Publishers and operators read no customers at all.
func seesAll(p apikey.Principal) bool {
	return p.Has(apikey.Steward, apikey.Admin, apikey.System, apikey.Privacy)
}
