package content

import "slices"

// Labs returns all labs in the order in which they are taught.
func (c *Course) Labs() []*Lab {
	var labs []*Lab
	for _, module := range c.Modules {
		labs = append(labs, module.Labs...)
	}
	return labs
}

// Lab finds a lab by its name.
func (c *Course) Lab(name string) (*Lab, bool) {
	for _, lab := range c.Labs() {
		if lab.Name == name {
			return lab, true
		}
	}
	return nil, false
}

// Step finds a step of the lab by its name.
func (l *Lab) Step(name string) (*Step, bool) {
	for i := range l.Steps {
		if l.Steps[i].Name == name {
			return &l.Steps[i], true
		}
	}
	return nil, false
}

// Open returns the names of the steps that are judged now, in their order: those
// that are not complete while all that have to come before them are.
func (l *Lab) Open(complete func(step string) bool) []string {
	var open []string
	for _, step := range l.Steps {
		ready := !slices.ContainsFunc(step.After, func(name string) bool { return !complete(name) })
		if ready && !complete(step.Name) {
			open = append(open, step.Name)
		}
	}
	return open
}

// Complete tells whether all checks of the step have passed, as they stand at one
// moment. A step that was complete once stays so: its caller remembers that.
func (s *Step) Complete(passed func(check string) bool) bool {
	return len(s.Checks) > 0 && !slices.ContainsFunc(s.Checks, func(c Check) bool { return !passed(c.Name) })
}

// onlyGuards tells whether no check of the step waits for its work.
func (s *Step) onlyGuards() bool {
	return !slices.ContainsFunc(s.Checks, func(c Check) bool { return !c.Guard })
}

// Check finds a check of the step by its name.
func (s *Step) Check(name string) (*Check, bool) {
	for i := range s.Checks {
		if s.Checks[i].Name == name {
			return &s.Checks[i], true
		}
	}
	return nil, false
}
