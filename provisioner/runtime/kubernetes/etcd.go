package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
)

// etcd is a running database of one member.
type etcd struct{ *embed.Etcd }

// startEtcd returns when the database serves, or ctx ends. Its addresses and
// certificates are those of kubeadm's own etcd, but that it listens on this node
// only.
func startEtcd(ctx context.Context, kubeadm *kubeadmapi.InitConfiguration) (*etcd, error) {
	file := func(name string) string { return filepath.Join(kubeadm.CertificatesDir, name) }
	clients := []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", constants.EtcdListenClientPort)}}
	peers := []url.URL{{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", constants.EtcdListenPeerPort)}}

	config := embed.NewConfig()
	config.Name, config.Dir = kubeadm.NodeRegistration.Name, kubeadm.Etcd.Local.DataDir
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
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
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	running := &etcd{server}
	select {
	case <-server.Server.ReadyNotify():
		return running, nil
	case err = <-server.Err():
	case <-server.Server.StopNotify():
		err = errors.New("it stopped while it started")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	running.Close()
	return nil, fmt.Errorf("etcd: %w", err)
}

// wait blocks until the database ends, or ctx does.
func (e *etcd) wait(ctx context.Context) error {
	select {
	case err := <-e.Err():
		return err
	case <-e.Server.StopNotify():
		return errors.New("it has stopped")
	case <-ctx.Done():
		return nil
	}
}
