package networkpolicy_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"

	"wheelhouse/provisioner/runtime/kubernetes/networkpolicy"
)

// refusing is a kernel that takes no transaction while it is told to.
type refusing struct {
	*knftables.Fake
	mu   sync.Mutex
	busy bool
}

func (r *refusing) Run(ctx context.Context, tx *knftables.Transaction) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy {
		return errors.New("device or resource busy")
	}
	return r.Fake.Run(ctx, tx)
}

func (r *refusing) refuse(busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = busy
}

func (r *refusing) has(s string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.Dump(), s)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		client := fake.NewClientset(w.pod("x/a"), w.pod("x/b"))
		nft := &refusing{Fake: knftables.NewFake(knftables.InetFamily, "network-policy")}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- networkpolicy.Run(ctx, networkpolicy.Options{Client: client, NodeName: "node-a", NFT: nft, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		}()
		settle := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		settle(time.Second)
		if got := nft.Dump(); got != "" {
			t.Errorf("with no policy there is\n%s", got)
		}
		nft.refuse(true)
		policy := policies(t, []string{"x: {podSelector: {}}"})[0]
		_, err := client.NetworkingV1().NetworkPolicies("x").Create(ctx, policy, metav1.CreateOptions{})
		must(t, err)
		settle(10 * time.Second)
		nft.refuse(false)
		settle(30 * time.Second)
		const element = "add element inet network-policy ingress4 { 10.244.0.10"
		if !nft.has(element) || nft.has("10.244.1.10") {
			t.Errorf("after an error that has passed there is\n%s", nft.Dump())
		}

		tx := nft.NewTransaction() // somebody deletes it
		tx.Delete(&knftables.Table{})
		must(t, nft.Run(ctx, tx))
		settle(11 * time.Minute)
		if !nft.has(element) {
			t.Error("a deleted table is not made again")
		}

		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !nft.has(element) {
			t.Error("the rules are gone with the one who made them")
		}
	})
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []networkpolicy.Options{{NodeName: "node"}, {Client: fake.NewClientset()}} {
		if err := networkpolicy.Run(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
