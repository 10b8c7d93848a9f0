package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
)

// etcd is a database of one member.
type etcd struct {
	kubeadm   *kubeadmapi.InitConfiguration
	listening chan struct{} // closed when a connection to it is no error any more
	ready     chan struct{} // closed when it serves

	server *embed.Etcd // set before ready is closed
}

func newEtcd(kubeadm *kubeadmapi.InitConfiguration) *etcd {
	return &etcd{kubeadm: kubeadm, listening: make(chan struct{}), ready: make(chan struct{})}
}

// The API server has a connection for each kind of object. It takes them by a
// socket that is root's only, with no encryption, which would cost it a fifth of a
// second at the start; for everyone else there is the address that kubeadm's etcd
// has.
const (
	etcdSocketFolder = "/run/etcd"
	etcdSocket       = etcdSocketFolder + "/client.sock"
)

// lead has the API server use the socket.
func (e *etcd) lead(transport *storagebackend.TransportConfig) {
	transport.ServerList = []string{"unix://" + etcdSocket}
	transport.CertFile, transport.KeyFile, transport.TrustedCAFile = "", "", ""
}

// await blocks until one of e's channels is closed, or ctx ends.
func (e *etcd) await(ctx context.Context, state <-chan struct{}) error {
	select {
	case <-state:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run serves until ctx ends, which is no error, and leaves the database open for
// close.
func (e *etcd) run(ctx context.Context) error {
	config, err := e.config()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() { e.lookForListener(ctx) })
	defer looking.Wait()
	defer cancel()
	if e.server, err = embed.StartEtcd(config); err != nil {
		return err
	}
	select {
	case <-e.server.Server.ReadyNotify():
		close(e.ready)
	case err := <-e.server.Err():
		return err
	case <-e.server.Server.StopNotify():
		return errors.New("it stopped while it started")
	case <-ctx.Done():
		return nil
	}
	select {
	case err := <-e.server.Err():
		return err
	case <-e.server.Server.StopNotify():
		return errors.New("it has stopped")
	case <-ctx.Done():
		return nil
	}
}

// close closes the database once run has returned.
func (e *etcd) close() {
	if e.server != nil {
		e.server.Close()
	}
}

// lookForListener closes listening as soon as the socket takes connections: it does
// before the database is open.
func (e *etcd) lookForListener(ctx context.Context) {
	if wait.PollUntilContextCancel(ctx, 5*time.Millisecond, true, func(context.Context) (bool, error) {
		conn, err := net.Dial("unix", etcdSocket)
		if err == nil {
			conn.Close()
		}
		return err == nil, nil
	}) == nil {
		close(e.listening)
	}
}

// config describes kubeadm's own etcd, but that it listens on this node only.
func (e *etcd) config() (*embed.Config, error) {
	kubeadm := e.kubeadm
	file := func(name string) string { return filepath.Join(kubeadm.CertificatesDir, name) }
	clients := []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", constants.EtcdListenClientPort)}}
	peers := []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", constants.EtcdListenPeerPort)}}
	// What is left of an earlier process would be taken for this one's.
	if err := errors.Join(os.RemoveAll(etcdSocketFolder), os.MkdirAll(etcdSocketFolder, 0o700)); err != nil {
		return nil, err
	}

	config := embed.NewConfig()
	config.Name, config.Dir = kubeadm.NodeRegistration.Name, kubeadm.Etcd.Local.DataDir
	config.ListenClientUrls, config.AdvertiseClientUrls = append(clients, url.URL{Scheme: "unix", Path: etcdSocket}), clients
	config.ListenPeerUrls, config.AdvertisePeerUrls = peers, peers
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ClientTLSInfo = transport.TLSInfo{
		CertFile: file(constants.EtcdServerCertName), KeyFile: file(constants.EtcdServerKeyName),
		TrustedCAFile: file(constants.EtcdCACertName), ClientCertAuth: true,
	}
	config.PeerTLSInfo = transport.TLSInfo{
		CertFile: file(constants.EtcdPeerCertName), KeyFile: file(constants.EtcdPeerKeyName),
		TrustedCAFile: file(constants.EtcdCACertName), ClientCertAuth: true,
	}
	// A lab's cluster outlives a program that is killed, but need not outlive a
	// machine that loses power; waiting for the disk would double the time to start.
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	config.WarningUnaryRequestDuration = time.Second // the default, of its flags only
	// A member that is alone elects itself after a random time between a tick and this,
	// which is the least of what etcd takes; it has nobody to lose touch with.
	config.ElectionMs = 5 * config.TickMs
	return config, nil
}
