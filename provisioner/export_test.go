package provisioner

// What the tests of plan, which is pure and has no exported door, look at.
type (
	Use       = use
	Member    = member
	Situation = situation
	Decision  = decision
)

const (
	Found   = found
	Making  = making
	Warm    = warm
	Claimed = claimed
	Doomed  = doomed

	SpareTime       = spareTime
	Turn            = turn
	DeletionsAtOnce = deletionsAtOnce
)

var Plan = plan
