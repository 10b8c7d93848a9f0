package grader

// hint names the slip that the student most likely made, in a sentence: the
// first that the objects at hand show. It is empty where none does. It reads
// nothing else from the cluster, but for the names near an empty list and the last
// line that a container logged which ended.
func (c *check) hint(view *view, seen sight, a account) (sentence string) {
	defer func() {
		if recover() != nil {
			sentence = ""
		}
	}()
	recognise := []func() string{
		func() string { return troubleOf(view.find, c.podsOf(seen)) },
		func() string { return imageHint(a) },
		func() string { return labelHint(a) },
		func() string { return c.selectorHint(seen) },
		func() string { return typeHint(a) },
		func() string { return slipHint(a) },
		func() string { return c.otherLabels(view, seen, a) },
	}
	for _, try := range recognise {
		if sentence := try(); sentence != "" {
			return oneLine(sentence)
		}
	}
	return ""
}
