package labs_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/grader"
	"wheelhouse/labs"
)

// storedView is what the stores say of a session.
func (w *world) storedView(user *labs.User, id string) *labs.View {
	w.t.Helper()
	ctx, stores := w.t.Context(), w.db.Stores()
	session, err := stores.Sessions.Get(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	view := &labs.View{Session: *session}
	lab, _ := w.options.Course.Lab(session.Lab)
	known, err := stores.Results.Of(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, step := range lab.Steps {
		state := labs.StepState{Step: step.Name}
		for _, stored := range known {
			if stored.Step == step.Name {
				state.CompletedAt, state.Results = stored.CompletedAt, stored.Results
			}
		}
		view.Steps = append(view.Steps, state)
	}
	if view.Hints, err = stores.Hints.Of(ctx, user.ID, session.Lab); err != nil {
		w.t.Fatal(err)
	}
	if view.Tries, err = stores.Tries.Of(ctx, user.ID, session.Lab); err != nil {
		w.t.Fatal(err)
	}
	classes, err := stores.Rosters.ClassesOf(ctx, user.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	view.HintCosts = labs.HintCosts{}
	for _, class := range classes {
		view.HintCosts = append(view.HintCosts, class.HintCost)
	}
	return view
}

// comparable leaves out what is shown before it is written: when a result was found
// again, and when its student was last active.
func comparable(view *labs.View) string {
	text := fmt.Sprintf("%s %s %q %q finished %v\n", view.Session.Phase, view.Session.Cluster, view.Session.Reason, view.Session.Message, view.Session.FinishedAt)
	for _, step := range view.Steps {
		text += fmt.Sprintf("%s complete %v:", step.Step, step.CompletedAt)
		for _, check := range []string{"exists", "image", "seen", "replicas", "kind"} {
			for _, result := range step.Results {
				if result.Check == check {
					text += fmt.Sprintf(" %s %s %q", check, result.Status, result.Message)
				}
			}
		}
		text += "\n"
	}
	return text + fmt.Sprintf("hints %v for %v, tries %v", view.Hints, view.HintCosts, view.Tries)
}

// TestWhatIsShownIsWhatIsStored does at random what people and clusters do: after
// each event, every answer says what the stores say.
func TestWhatIsShownIsWhatIsStored(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 2))
				w := newWorld(t, func(w *world) {
					lab, _ := w.options.Course.Lab("pods")
					lab.Steps = append(lab.Steps, choice())
				})
				ada := w.student()
				class, teacher := w.class("Teacher", ada)
				view := w.open(ada, "pods")
				id := view.Session.ID
				any := func(step, check string) grader.Result {
					if random.IntN(2) == 0 {
						return passed(step, check)
					}
					return wrong(step, check, "Not yet.")
				}
				events := map[string]func() error{
					"find": func() error {
						w.find(view, any("create", "exists"), any("create", "image"), any("look", "seen"), any("scale", "replicas"))
						return nil
					},
					"find the same again": func() error { w.judgeOf(view).again(); return nil },
					"take a hint": func() error {
						taken := len(w.view(ada, id).Hints)
						_, err := w.TakeHint(t.Context(), ada, id, "create", min(taken, 1))
						return err
					},
					"choose": func() error {
						options := choice().Checks[0].Answer.Options
						_, err := w.Answer(t.Context(), ada, id, "choose", "kind", options[random.IntN(len(options))])
						return err
					},
					"change the price": func() error {
						_, err := w.SetHintCost(t.Context(), teacher, class.ID, random.IntN(4))
						return err
					},
					"join again": func() error {
						_, _, err := w.Join(t.Context(), ada, class.Code, "", "")
						return err
					},
					"touch":   func() error { w.Touch(id); time.Sleep(90 * time.Second); return nil },
					"restart": func() error { w.restart(); return nil },
				}
				names := []string{"find", "find", "find the same again", "take a hint", "choose", "change the price", "join again", "touch", "restart"}
				done := ""
				for range 25 {
					name := names[random.IntN(len(names))]
					done += name + ", "
					if err := events[name](); err != nil {
						t.Fatalf("%s: %v", done, err)
					}
					synctest.Wait()
					got, want := comparable(w.view(ada, id)), comparable(w.storedView(ada, id))
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("after %s\nshown is\n%s\nand stored\n%s", done, got, want)
					}
				}
			})
		})
	}
}
