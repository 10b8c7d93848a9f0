package provisioner

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

const (
	// credentialValidity is that of kubeadm's own client certificates. The
	// cluster's authority dies with the cluster, and so does every credential.
	credentialValidity = 365 * 24 * time.Hour

	// credentialSkew is how far the cluster's clock may be behind ours: the
	// engine may run in a virtual machine that has just woken up.
	credentialSkew = 10 * time.Minute
)

// Admin returns a kubeconfig with which this process may do anything in the
// cluster. Its key is a new one at each call and never reaches the disk.
func (a *Access) Admin() ([]byte, error) {
	// system:masters is beyond RBAC: a student cannot lock the grader out.
	return a.kubeconfig(a.Server, "wheelhouse", "system:masters")
}

// Student returns the kubeconfig of the workstation: an administrator as in
// kubeadm's admin.conf. Its key is a new one at each call, so whoever claims a
// cluster gets a credential that nobody had before.
func (a *Access) Student() ([]byte, error) {
	return a.kubeconfig(a.WorkstationServer, "student", "kubeadm:cluster-admins")
}

// kubeconfig makes a client certificate for user in group, signed by the
// cluster's authority, and wraps it up with what a client needs to reach server.
func (a *Access) kubeconfig(server, user, group string) ([]byte, error) {
	cert, key, err := a.clientCertificate(user, group)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig for %s: %w", user, err)
	}
	const cluster, context = "wheelhouse", "wheelhouse"
	config := clientcmd.Config{
		APIVersion: "v1",
		Kind:       "Config",
		Clusters: []clientcmd.NamedCluster{{Name: cluster, Cluster: clientcmd.Cluster{
			Server:                   server,
			CertificateAuthorityData: a.CACert,
		}}},
		AuthInfos: []clientcmd.NamedAuthInfo{{Name: user, AuthInfo: clientcmd.AuthInfo{
			ClientCertificateData: cert,
			ClientKeyData:         key,
		}}},
		Contexts: []clientcmd.NamedContext{{Name: context, Context: clientcmd.Context{
			Cluster:  cluster,
			AuthInfo: user,
		}}},
		CurrentContext: context,
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig for %s: %w", user, err)
	}
	return out, nil
}

// clientCertificate returns a certificate and its key, both PEM.
func (a *Access) clientCertificate(user, group string) (cert, key []byte, err error) {
	authority, err := tls.X509KeyPair(a.CACert, a.CAKey)
	if err != nil {
		return nil, nil, fmt.Errorf("read the cluster's certificate authority: %w", err)
	}
	ca := authority.Leaf
	now := time.Now()
	if now.After(ca.NotAfter) {
		return nil, nil, errors.New("the cluster's certificate authority expired on " + ca.NotAfter.Format(time.DateOnly))
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: []string{group}},
		NotBefore:   later(now.Add(-credentialSkew), ca.NotBefore),
		NotAfter:    earlier(now.Add(credentialValidity), ca.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, ca, private.Public(), authority.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a key: %w", err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return cert, key, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
