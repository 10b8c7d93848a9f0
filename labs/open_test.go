package labs_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"wheelhouse/labs"
	"wheelhouse/provisioner"
)

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		release := w.provider.Block("Create")
		view, created, err := w.Open(t.Context(), ada, "pods")
		if err != nil || !created {
			t.Fatalf("got created %v, %v", created, err)
		}
		if view.Session.Phase != labs.Pending || view.Progress == nil || len(view.Steps) != 3 {
			t.Errorf("the first view is %+v", view)
		}
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Pending, "StartingCluster")
		if got, want := phaseNames(view.Progress), "Nodes ControlPlane Network Setup"; got != want {
			t.Errorf("phases are %q, want %q", got, want)
		}
		release()
		synctest.Wait()
		view = w.view(ada, view.Session.ID)
		wantPhase(t, view, labs.Ready, "")
		if view.Progress != nil || view.Session.ReadyAt.IsZero() || view.Session.Cluster == "" {
			t.Errorf("the ready session is %+v", view)
		}
		if !slices.Equal(w.setups, []string{view.Session.Cluster}) {
			t.Errorf("prepared %v, want the session's cluster %s once", w.setups, view.Session.Cluster)
		}
		again, created, err := w.Open(t.Context(), ada, "pods")
		if err != nil || created || again.Session != view.Session {
			t.Errorf("opened again: got %+v, %v, %v", again, created, err)
		}
		access, err := w.Access(t.Context(), ada, view.Session.ID, labs.Write)
		if err != nil || clusterOf(access) != view.Session.Cluster {
			t.Errorf("Access: got %+v, %v", access, err)
		}
		_, _, err = w.Open(t.Context(), ada, "no-such-lab")
		wantCode(t, err, labs.CodeNotFound)
	})
}

func phaseNames(progress *provisioner.Progress) string {
	var names []string
	for _, phase := range progress.Phases {
		names = append(names, phase.Name)
	}
	return strings.Join(names, " ")
}

func TestOpenAtOnceIsOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		ids := make([]string, 20)
		var work sync.WaitGroup
		for i := range ids {
			work.Go(func() {
				view, _, err := w.Open(t.Context(), ada, "pods")
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = view.Session.ID
			})
		}
		work.Wait()
		synctest.Wait()
		if distinct := slices.Compact(ids); len(distinct) != 1 {
			t.Errorf("got the sessions %v, want one", distinct)
		}
		if created := w.provider.Created(); len(created) != 1 {
			t.Errorf("made the clusters %v, want one", created)
		}
	})
}

func TestTooManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ada := w.student()
		pods := w.open(ada, "pods")
		w.open(ada, "services")
		_, _, err := w.Open(t.Context(), ada, "ingress")
		wantCode(t, err, labs.CodeLimited)
		if got, want := messageOf(err), "All about pods and Services"; !strings.Contains(got, want) {
			t.Errorf("the message %q does not name the open labs %q", got, want)
		}
		if err := w.End(t.Context(), ada, pods.Session.ID); err != nil {
			t.Fatal(err)
		}
		w.open(ada, "ingress")
	})
}

func TestWaitingInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		release := w.provider.Block("Create")
		var last *labs.View
		var user *labs.User
		for _, name := range []string{"a", "b", "c", "d"} { // two clusters are made at a time
			user = w.user(name, labs.Student)
			last = w.open(user, "pods")
		}
		wantPhase(t, last, labs.Pending, "WaitingForCluster")
		if got, want := last.Session.Message, "One other is before you"; !strings.Contains(got, want) || last.Progress.Place != 2 {
			t.Errorf("got place %d with %q, want place 2 with %q", last.Progress.Place, got, want)
		}
		release()
		synctest.Wait()
		wantPhase(t, w.view(user, last.Session.ID), labs.Ready, "")
	})
}

func TestAClassOpensALabAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		release := w.provider.Block("Create")
		users := make([]*labs.User, 30)
		for i := range users {
			users[i] = w.user(fmt.Sprintf("student %02d", i), labs.Student)
		}
		ids := make([]string, len(users))
		var work sync.WaitGroup
		for i, user := range users {
			work.Go(func() {
				view, _, err := w.Open(t.Context(), user, "pods")
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = view.Session.ID
			})
		}
		work.Wait()
		synctest.Wait()
		var places []int
		for i, user := range users {
			places = append(places, w.view(user, ids[i]).Progress.Place)
		}
		slices.Sort(places)
		if got, want := places[len(places)-1], 28; got != want { // two are being made
			t.Errorf("the last place in the line is %d, want %d", got, want)
		}
		release()
		synctest.Wait()
		clusters := map[string]bool{}
		for i, user := range users {
			view := w.view(user, ids[i])
			wantPhase(t, view, labs.Ready, "")
			clusters[view.Session.Cluster] = true
		}
		if got, want := len(clusters), len(users); got != want {
			t.Errorf("%d clusters for %d students", got, want)
		}
	})
}
