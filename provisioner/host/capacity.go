package host

import "fmt"

// Capacity returns how many clusters of one node there can be on this machine at
// once, those that are there already among them, and says for people what the limit
// is and how to raise it. Over it a cluster is not refused: it hangs. soft counts
// what only makes clusters slow as well. 0 is for a machine of which nothing is
// known.
func Capacity(supplies []Supply, soft bool) (clusters int, reason string) {
	var counted []Supply
	for _, s := range supplies {
		if soft || !s.Soft {
			counted = append(counted, s)
		}
	}
	if len(counted) == 0 {
		return 0, ""
	}
	scarcest := Scarcest(counted, Supply.Clusters)
	return max(1, scarcest.Clusters()), scarcest.describe() + "; to have more: " + scarcest.Raise
}

// describe says what there is of a supply.
func (s Supply) describe() string {
	amount := func(n int64) string { return fmt.Sprint(n) }
	if s.Each >= 1<<20 { // bytes
		amount = func(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/(1<<30)) }
	}
	return fmt.Sprintf("%s: %s in all, %s in use by other programs and %s by clusters, about %s for another",
		s.Name, amount(s.Limit), amount(s.Used), amount(s.Ours), amount(s.Each))
}

// CheckRoom finds how many clusters more there is room for.
func CheckRoom(supplies []Supply) Finding {
	const name = "room for clusters"
	if len(supplies) == 0 {
		return Finding{name, Warning, "The kernel does not tell what is left of what.", ""}
	}
	scarcest := Scarcest(supplies, Supply.Left)
	const few = 3
	message := fmt.Sprintf("There is room for about %d more. What ends first: %s.", scarcest.Left(), scarcest.describe())
	switch left := scarcest.Left(); {
	case left == 0 && scarcest.Soft:
		return Finding{name, Warning, "Another cluster will be slow. What is left: " + scarcest.describe() + ".", scarcest.Raise}
	case left == 0:
		return Finding{name, Failure, "Another cluster would not come up. What is left: " + scarcest.describe() + ".", scarcest.Raise}
	case left < few:
		return Finding{name, Warning, message, scarcest.Raise}
	}
	return Finding{name, OK, message, ""}
}
