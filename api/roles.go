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

	opReviewList      = "list-reviews"
	opReviewGet       = "get-review"
	opReviewClaim     = "claim-review"
	opReviewDecide    = "decide-review"
	opReviewUndo      = "undo-review"
	opReviewBulk      = "bulk-reviews"
	opReviewExport    = "export-reviews"
	opReviewImport    = "import-reviews"
	opSuspects        = "list-suspects"
	opMerge           = "merge-customers"
	opSplit           = "split-customer"
	opPin             = "pin-value"
	opUnpin           = "unpin-value"
	opHow             = "get-formation"
	opHistory         = "get-history"
	opRecords         = "list-records"
	opPairExplain     = "explain-pair"
	opMatch           = "match-customer"
	opAssign          = "assign-interaction"
	opCustomerCases   = "list-customer-cases"
	opCases           = "list-cases"
	opHoldings        = "list-holdings"
	opInsightContacts = "insight-contacts"
	opInsightNPS      = "insight-nps"
	opInsightCases    = "insight-cases"
	opChanges         = "get-changes"
	opWebhookCreate   = "create-webhook"
	opWebhookList     = "list-webhooks"
	opWebhookGet      = "get-webhook"
	opWebhookDelete   = "delete-webhook"
	opWebhookTest     = "test-webhook"
	opWebhookRetry    = "retry-webhook"
	opAsyncAPI        = "get-asyncapi"
	opProjections     = "list-projections"
	opRebuild         = "rebuild-projections"
	opSwitch          = "switch-projections"
	opDiff            = "diff-projections"
	opDrop            = "drop-projections"
	opJobList         = "list-jobs"
	opJobGet          = "get-job"
	opJobCancel       = "cancel-job"
	opJobResume       = "resume-job"
	opJobUndo         = "undo-job"
	opLetters         = "list-deadletters"
	opLetterGet       = "get-deadletter"
	opLetterRetry     = "retry-deadletter"
	opLetterDiscard   = "discard-deadletter"
)

// access says who may use an operation.
type access struct {
	roles []apikey.Role // any of them
	open  bool          // anybody, without a key
	local bool          // anybody from this machine, without a key; others with a role
}

// Groups of roles that recur in the table. Admin is added everywhere by [accessTo].
var (
	desk      = []apikey.Role{apikey.Agent, apikey.Steward}
	readers   = []apikey.Role{apikey.Agent, apikey.Steward, apikey.System}
	runners   = []apikey.Role{apikey.Operator}
	stewards  = []apikey.Role{apikey.Steward}
	insiders  = []apikey.Role{apikey.Steward, apikey.Operator}
	followers = []apikey.Role{apikey.Steward, apikey.System}
	settlers  = []apikey.Role{apikey.Publisher, apikey.Operator} // a publisher: of its own sources
)

// accessTo is the one table role × route. What it does not name is denied, and
// [New] refuses to serve an operation without a row.
func accessTo(operation string) (access, bool) {
	a, ok := map[string]access{
		opEventsSubmit:    {roles: []apikey.Role{apikey.Publisher}},
		opEventsValidate:  {roles: []apikey.Role{apikey.Publisher, apikey.Operator}},
		opEventsStatus:    {roles: []apikey.Role{apikey.Publisher, apikey.Operator}},
		opCustomerGet:     {roles: readers},
		opCustomerLookup:  {roles: readers},
		opCustomerSearch:  {roles: readers},
		opTimeline:        {roles: readers},
		opStatementsList:  {roles: readers},
		opStatementMake:   {roles: desk},
		opStatementUndo:   {roles: desk},
		opInteraction:     {roles: desk},
		opContactCheck:    {roles: readers},
		opStatus:          {roles: runners},
		opMetrics:         {roles: []apikey.Role{apikey.Operator, apikey.System}, local: true},
		opKeyCreate:       {}, // admins only
		opKeyList:         {},
		opKeyRevoke:       {},
		opImport:          {roles: []apikey.Role{apikey.Publisher}},
		opVerify:          {roles: runners},
		opLive:            {open: true},
		opReady:           {open: true},
		opVersion:         {open: true},
		opOpenAPI:         {open: true},
		opDocs:            {open: true},
		opReviewList:      {roles: stewards},
		opReviewGet:       {roles: stewards},
		opReviewClaim:     {roles: stewards},
		opReviewDecide:    {roles: stewards},
		opReviewUndo:      {roles: stewards},
		opReviewBulk:      {roles: stewards},
		opReviewExport:    {roles: stewards},
		opReviewImport:    {roles: stewards},
		opSuspects:        {roles: stewards},
		opMerge:           {roles: stewards},
		opSplit:           {roles: stewards},
		opPin:             {roles: stewards},
		opUnpin:           {roles: stewards},
		opHow:             {roles: stewards},
		opHistory:         {roles: stewards},
		opRecords:         {roles: readers},
		opPairExplain:     {roles: stewards},
		opMatch:           {roles: readers},
		opAssign:          {roles: desk},
		opCustomerCases:   {roles: readers},
		opCases:           {roles: readers},
		opHoldings:        {roles: readers},
		opInsightContacts: {roles: insiders},
		opInsightNPS:      {roles: insiders},
		opInsightCases:    {roles: insiders},
		opChanges:         {roles: followers},
		opWebhookCreate:   {roles: runners},
		opWebhookList:     {roles: runners},
		opWebhookGet:      {roles: runners},
		opWebhookDelete:   {roles: runners},
		opWebhookTest:     {roles: runners},
		opWebhookRetry:    {roles: runners},
		opAsyncAPI:        {open: true},
		opProjections:     {roles: runners},
		opRebuild:         {roles: runners},
		opSwitch:          {roles: runners},
		opDiff:            {roles: runners},
		opDrop:            {roles: runners},
		opJobList:         {roles: insiders},
		opJobGet:          {roles: insiders},
		opJobCancel:       {roles: insiders},
		opJobResume:       {roles: insiders},
		opJobUndo:         {roles: stewards},
		opLetters:         {roles: settlers},
		opLetterGet:       {roles: settlers},
		opLetterRetry:     {roles: settlers},
		opLetterDiscard:   {roles: runners},
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
