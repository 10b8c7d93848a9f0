package labs

// NewReach is how a service looks at its clusters by default.
var NewReach = newReach
