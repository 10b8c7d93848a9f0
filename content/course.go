package content

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

// Check finds a check of the step by its name.
func (s *Step) Check(name string) (*Check, bool) {
	for i := range s.Checks {
		if s.Checks[i].Name == name {
			return &s.Checks[i], true
		}
	}
	return nil, false
}
