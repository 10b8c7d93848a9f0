package lint

import "wheelhouse/grader"

// intercepted reports checks that would never be True, because a manifest of the lab's
// own set-up stands between the grader and the API server.
func (l *linter) intercepted() {
	for _, c := range l.checks {
		for i := range l.setup.objects {
			object := &l.setup.objects[i]
			if does := grader.Intercepts(c.spec, object); does != "" {
				l.complain(c, c.spec.Line, "is never True: the %s %s of the lab's own set-up %s; read something else, or leave that out of the set-up",
					object.GetKind(), object.GetName(), does)
			}
		}
	}
}
