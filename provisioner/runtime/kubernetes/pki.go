package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	certutil "k8s.io/client-go/util/cert"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/constants"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/certs"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/kubeconfig"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pkiutil"
)

// makePKI makes what is still missing of the cluster's certificates and
// kubeconfigs, with kubeadm's own code, and the credentials of every node.
func makePKI(kubeadm *kubeadmapi.InitConfiguration, nodes []node) error {
	if err := certs.CreatePKIAssets(kubeadm); err != nil {
		return err
	}
	for _, file := range []string{
		constants.AdminKubeConfigFileName, constants.SuperAdminKubeConfigFileName,
		constants.ControllerManagerKubeConfigFileName, constants.SchedulerKubeConfigFileName,
	} {
		if err := kubeconfig.CreateKubeConfigFile(file, kubernetesDir, kubeadm); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := n.makeCredentials(kubeadm); err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	local := certutil.AltNames{DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	for _, component := range []string{constants.KubeControllerManager, constants.KubeScheduler} {
		if err := makeServing(kubeadm, kubeadm.CertificatesDir, component, certutil.Config{CommonName: component, AltNames: local}); err != nil {
			return err
		}
	}
	return nil
}

// makeServing makes a certificate of a server, signed by the cluster's authority,
// in the files name.crt and name.key of a folder, unless it is there.
func makeServing(kubeadm *kubeadmapi.InitConfiguration, folder, name string, config certutil.Config) error {
	if pkiutil.CertOrKeyExist(folder, name) {
		return nil
	}
	ca, key, err := certs.LoadCertificateAuthority(kubeadm.CertificatesDir, constants.CACertAndKeyBaseName)
	if err != nil {
		return err
	}
	config.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serving, servingKey, err := pkiutil.NewCertAndKey(ca, key, &pkiutil.CertConfig{
		Config:              config,
		NotAfter:            time.Now().Add(kubeadm.CertificateValidityPeriod.Duration),
		EncryptionAlgorithm: kubeadm.ClusterConfiguration.EncryptionAlgorithmType(),
	})
	if err != nil {
		return err
	}
	return pkiutil.WriteCertAndKey(folder, name, serving, servingKey)
}

// proxyUser is the identity that Kubernetes' bootstrap policy gives the role
// system:node-proxier.
const proxyUser = "system:kube-proxy"

// makeCredentials lays the authority, kubelet's serving certificate and the
// kubeconfigs of kubelet and kube-proxy into the node's folder. The kubeconfigs
// come last and whole, because the node waits for them.
func (n node) makeCredentials(kubeadm *kubeadmapi.InitConfiguration) error {
	kubelet := filepath.Join(n.Folder, constants.KubeletKubeConfigFileName)
	if _, err := os.Stat(kubelet); err == nil {
		return nil // from an earlier start
	}
	ca, err := pkiutil.TryLoadCertFromDisk(kubeadm.CertificatesDir, constants.CACertAndKeyBaseName)
	if err != nil {
		return err
	}
	pki := filepath.Join(n.Folder, "pki")
	if err := pkiutil.WriteCert(pki, constants.CACertAndKeyBaseName, ca); err != nil {
		return err
	}
	if err := makeServing(kubeadm, pki, "kubelet", certutil.Config{
		CommonName:   constants.NodesUserPrefix + n.Name,
		Organization: []string{constants.NodesGroup},
		AltNames:     certutil.AltNames{DNSNames: []string{n.Name}, IPs: []net.IP{n.Address.AsSlice()}},
	}); err != nil {
		return err
	}
	if err := n.makeProxyKubeconfig(kubeadm); err != nil {
		return err
	}
	own := *kubeadm
	own.NodeRegistration.Name = n.Name
	partial := filepath.Join(n.Folder, "partial")
	defer os.RemoveAll(partial)
	if err := kubeconfig.CreateKubeConfigFile(constants.KubeletKubeConfigFileName, partial, &own); err != nil {
		return err
	}
	return os.Rename(filepath.Join(partial, constants.KubeletKubeConfigFileName), kubelet)
}

func (n node) makeProxyKubeconfig(kubeadm *kubeadmapi.InitConfiguration) error {
	path := filepath.Join(n.Folder, "kube-proxy.conf")
	file, err := os.OpenFile(path+".partial", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = kubeconfig.WriteKubeConfigWithClientCert(file, kubeadm, proxyUser, nil, time.Now().Add(kubeadm.CertificateValidityPeriod.Duration))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(path+".partial", path)
}
