package verify_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"

	"wheelhouse/content"
)

// rights is the API server of a cluster in which ada may do anything to Pods once
// the note "edit" says yes.
type rights struct{ *notes }

func (r rights) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		r.notes.ServeHTTP(w, request)
		return
	}
	var review authorizationv1.SubjectAccessReview
	if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review.Status.Allowed = r.get("edit") == "yes"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(review)
}

// TestAWrongAnswerThatAddsTooMuch: a right that one check asks for every second
// comes together with one that a guard forbids and asks for every half minute. The
// wrong answer is typed at each second of the guard's interval: were a step complete
// by results of different times, 29 of 30 of these proofs would say so, and the one
// in which the guard happens to be asked first would not. Nothing is
// complete without a confirmation, so one proof on a real cluster is enough.
func TestAWrongAnswerThatAddsTooMuch(t *testing.T) {
	const slowest = 30 * time.Second
	may := func(verb string, allowed bool, interval time.Duration) content.Check {
		return content.Check{Name: verb, Title: verb, Guard: !allowed,
			Can:         &content.Can{User: "ada", Verb: verb, Resource: "pods", Namespace: "default", Repeat: content.Repeat{Timeout: 5 * time.Second, Interval: interval}},
			Validations: []content.Validation{{Expression: fmt.Sprintf("allowed == %t", allowed), Message: "ada's rights are wrong"}}}
	}
	for at := range int(slowest / time.Second) {
		t.Run(fmt.Sprintf("after %d s", at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lab := &content.Lab{Name: "rights", Dir: "course/rights", Steps: []content.Step{{Name: "grant", Checks: []content.Check{
					may("list", true, time.Second), may("delete", false, slowest)}}}}
				lab.Wrong = []content.WrongAnswer{{Name: "edit", Step: "grant", Check: "delete", Message: "ada's rights are wrong", Text: fmt.Sprintf("wait %dms\nset edit yes\n", at*1000+500)}}
				n := newNotes()
				commands := withCommands(n, lab.Wrong[0].Text)
				problems, err := caseOf(t, lab, "wrong/edit").Prove(t.Context(), serve(t, rights{n}).config(), serve(t, &shell{commands: commands}).dial)
				if err != nil {
					t.Fatal(err)
				}
				if len(problems) > 0 {
					t.Errorf("problems: %q", problems)
				}
			})
		})
	}
}
