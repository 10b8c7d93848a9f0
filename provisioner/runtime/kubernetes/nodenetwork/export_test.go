package nodenetwork

var (
	FindOnlyNFT  = findOnlyNFT
	KeepLoopback = keepLoopback
)
