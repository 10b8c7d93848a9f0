package nodenetwork

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"sigs.k8s.io/knftables"
)

// kube-proxy leads NodePorts on the node's loopback addresses to pods in its mode
// iptables only, which kind has; every tutorial asks localhost:30080. So a table of
// our own gives a packet for a NodePort there the node's address, after connections
// are looked up and before kube-proxy's rules are asked: those do the rest, and
// answers come from 127.0.0.1 as the connection has it.

// What kube-proxy's mode nftables has: its table, the map of NodePorts that have
// endpoints, and the set of the node's addresses
// (k8s.io/kubernetes/pkg/proxy/nftables/proxier.go).
const (
	proxyTable     = "kube-proxy"
	proxyNodePorts = "service-nodeports"
	proxyAddresses = "nodeport-ips"
)

const (
	loopbackTable = "wheelhouse-nodeports"
	loopbackPorts = "ports"

	// settleFor gathers what kube-proxy changes in one go.
	settleFor = 20 * time.Millisecond
)

// loopback leads NodePorts on loopback addresses to kube-proxy's rules.
type loopback struct {
	proxy, own knftables.Interface
	address    string   // of the node, as last applied
	ports      []string // "tcp . 30080", as last applied
	log        *slog.Logger
}

// keepLoopback keeps the table until ctx ends. It asks nothing of the API server: it
// is told by the kernel when kube-proxy has changed its NodePorts.
func keepLoopback(ctx context.Context, log *slog.Logger) error {
	l := &loopback{log: log}
	var err error
	if l.proxy, err = knftables.New(knftables.IPv4Family, proxyTable); err != nil {
		return err
	}
	if l.own, err = knftables.New(knftables.IPv4Family, loopbackTable); err != nil {
		return err
	}
	socket, err := nl.Subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil {
		return fmt.Errorf("watch kube-proxy's rules: %w", err)
	}
	changed, closed := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(closed)
		watchNodePorts(ctx, socket, changed)
	}()
	defer func() { <-closed }()
	defer socket.Close()
	if err := l.protect(ctx); err != nil {
		return err
	}
	for {
		if err := l.apply(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("NodePorts on localhost are not as kube-proxy has them", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settleFor):
		}
	}
}

// protect lets answers of pods come to loopback addresses, and keeps everyone else
// away from them: what listens there, as etcd does, counts on that.
func (l *loopback) protect(ctx context.Context) error {
	tx := l.own.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{}) // of an earlier process
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("NodePorts on localhost")})
	tx.Add(&knftables.Set{Name: loopbackPorts, Type: "inet_proto . inet_service"})
	tx.Add(&knftables.Chain{Name: "prerouting", Type: knftables.PtrTo(knftables.FilterType),
		Hook: knftables.PtrTo(knftables.PreroutingHook), Priority: knftables.PtrTo(knftables.RawPriority)})
	for _, field := range []string{"daddr", "saddr"} {
		tx.Add(&knftables.Rule{Chain: "prerouting", Rule: `iifname != "lo" ip ` + field + " 127.0.0.0/8 drop"})
	}
	tx.Add(&knftables.Chain{Name: "output", Type: knftables.PtrTo(knftables.FilterType),
		Hook: knftables.PtrTo(knftables.OutputHook), Priority: knftables.PtrTo(knftables.ManglePriority)})
	if err := l.own.Run(ctx, tx); err != nil {
		return fmt.Errorf("keep localhost for the node: nft: %w", err)
	}
	// From now on the kernel takes such packets from other links than the loopback.
	return os.WriteFile("/proc/sys/net/ipv4/conf/all/route_localnet", []byte("1"), 0)
}

// apply makes the table's ports those that kube-proxy has.
func (l *loopback) apply(ctx context.Context) error {
	address, err := l.read(ctx, "set", proxyAddresses)
	if err != nil {
		return err
	}
	ports, err := l.read(ctx, "map", proxyNodePorts)
	if err != nil {
		return err
	}
	if len(address) == 0 { // kube-proxy is not there yet
		return nil
	}
	if address[0] == l.address && slices.Equal(ports, l.ports) {
		return nil
	}
	tx := l.own.NewTransaction()
	tx.Flush(&knftables.Set{Name: loopbackPorts})
	for _, port := range ports {
		tx.Add(&knftables.Element{Set: loopbackPorts, Key: strings.Split(port, " . ")})
	}
	tx.Flush(&knftables.Chain{Name: "output"})
	tx.Add(&knftables.Rule{Chain: "output", Rule: "ip daddr 127.0.0.0/8 meta l4proto . th dport @" + loopbackPorts + " ip daddr set " + address[0]})
	if err := l.own.Run(ctx, tx); err != nil {
		return fmt.Errorf("nft: %w", err)
	}
	l.address, l.ports = address[0], ports
	return nil
}

// read returns the keys of kube-proxy's set or map in their order: none where it is
// not there.
func (l *loopback) read(ctx context.Context, kind, name string) ([]string, error) {
	elements, err := l.proxy.ListElements(ctx, kind, name)
	if knftables.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read kube-proxy's %s: %w", name, err)
	}
	var keys []string
	for _, element := range elements {
		keys = append(keys, strings.Join(element.Key, " . "))
	}
	slices.Sort(keys)
	return keys, nil
}

// watchNodePorts notes in changed that kube-proxy has changed what loopback reads,
// until ctx ends and socket is closed.
func watchNodePorts(ctx context.Context, socket *nl.NetlinkSocket, changed chan<- struct{}) {
	for ctx.Err() == nil {
		messages, _, err := socket.Receive()
		lost := errors.Is(err, unix.ENOBUFS) // more changes than could be read
		if err != nil && !lost {
			return
		}
		for _, message := range messages {
			lost = lost || concernsNodePorts(message.Data)
		}
		if lost {
			select {
			case changed <- struct{}{}:
			default: // it is known
			}
		}
	}
}

// concernsNodePorts reports whether a message of nftables is about a set or map that
// loopback reads. Messages about elements and those about sets begin with the same
// header and the same two attributes, the names of the table and of the set.
func concernsNodePorts(data []byte) bool {
	if len(data) < nl.SizeofNfgenmsg {
		return false
	}
	attributes, err := nl.ParseRouteAttr(data[nl.SizeofNfgenmsg:])
	if err != nil {
		return false
	}
	var table, name string
	for _, attribute := range attributes {
		switch attribute.Attr.Type {
		case unix.NFTA_SET_ELEM_LIST_TABLE:
			table = string(bytes.TrimRight(attribute.Value, "\x00"))
		case unix.NFTA_SET_ELEM_LIST_SET:
			name = string(bytes.TrimRight(attribute.Value, "\x00"))
		}
	}
	return table == proxyTable && (name == proxyNodePorts || name == proxyAddresses)
}
