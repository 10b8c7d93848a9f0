package provisioner_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"wheelhouse/provisioner"
)

const year = 365 * 24 * time.Hour

// signer is a certificate authority of a test's own.
type signer struct {
	cert              *x509.Certificate
	key               crypto.Signer
	certPEM, keyPEM   []byte
	serverCertificate tls.Certificate
}

// newSigner makes an authority with key, whose PEM block is of keyType.
func newSigner(t *testing.T, key crypto.Signer, keyType string, notAfter time.Time) *signer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kubernetes"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	var keyDER []byte
	switch keyType {
	case "RSA PRIVATE KEY":
		keyDER = x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
	case "EC PRIVATE KEY":
		keyDER = must(x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey)))(t)
	default:
		keyDER = must(x509.MarshalPKCS8PrivateKey(key))(t)
	}
	s := &signer{
		cert:    must(x509.ParseCertificate(der))(t),
		key:     key,
		certPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:  pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: keyDER}),
	}
	serverKey := newECKey(t)
	serverTemplate := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    template.NotBefore,
		NotAfter:     template.NotAfter,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	serverDER := must(x509.CreateCertificate(rand.Reader, serverTemplate, s.cert, serverKey.Public(), key))(t)
	s.serverCertificate = tls.Certificate{Certificate: [][]byte{serverDER}, PrivateKey: serverKey}
	return s
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
}

// must fails the test where a call that cannot fail does.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// serve starts a server that does as an API server does: only clients with a
// certificate of the authority get in, and it answers who they are.
func (s *signer) serve(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		fmt.Fprintf(w, "%s of %s", subject.CommonName, strings.Join(subject.Organization, ","))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	clients := x509.NewCertPool()
	clients.AddCert(s.cert)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{s.serverCertificate},
		ClientCAs:    clients,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// get asks the server that kubeconfig names, as a real client does.
func get(t *testing.T, kubeconfig []byte) (string, error) {
	t.Helper()
	config := must(clientcmd.RESTConfigFromKubeConfig(kubeconfig))(t)
	client := must(rest.HTTPClientFor(config))(t)
	t.Cleanup(client.CloseIdleConnections)
	resp, err := client.Get(config.Host)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestAccessKubeconfigs(t *testing.T) {
	keys := []struct {
		name, keyType string
		key           crypto.Signer
	}{
		{"RSA as kubeadm makes it", "RSA PRIVATE KEY", must(rsa.GenerateKey(rand.Reader, 2048))(t)},
		{"EC", "EC PRIVATE KEY", newECKey(t)},
		{"PKCS 8", "PRIVATE KEY", newECKey(t)},
	}
	for _, key := range keys {
		t.Run(key.name, func(t *testing.T) {
			ca := newSigner(t, key.key, key.keyType, time.Now().Add(10*year))
			server := ca.serve(t)
			access := provisioner.Access{
				Server: server.URL, WorkstationServer: server.URL,
				CACert: ca.certPEM, CAKey: ca.keyPEM,
			}
			for _, test := range []struct {
				name string
				make func() ([]byte, error)
				want string
			}{
				{"admin", access.Admin, "wheelhouse of system:masters"},
				{"student", access.Student, "student of kubeadm:cluster-admins"},
			} {
				got, err := get(t, must(test.make())(t))
				if err != nil || got != test.want {
					t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
				}
			}
		})
	}
}

func TestAccessServers(t *testing.T) {
	ca := newSigner(t, newECKey(t), "EC PRIVATE KEY", time.Now().Add(year))
	access := provisioner.Access{
		Server: "https://127.0.0.1:40001", WorkstationServer: "https://wh-a-control-plane:6443",
		CACert: ca.certPEM, CAKey: ca.keyPEM,
	}
	admin := must(clientcmd.Load(must(access.Admin())(t)))(t)
	student := must(clientcmd.Load(must(access.Student())(t)))(t)
	if got := admin.Clusters["wheelhouse"].Server; got != access.Server {
		t.Errorf("admin's server: got %s, want %s", got, access.Server)
	}
	if got := student.Clusters["wheelhouse"].Server; got != access.WorkstationServer {
		t.Errorf("student's server: got %s, want %s", got, access.WorkstationServer)
	}
	if err := clientcmd.ConfirmUsable(*student, ""); err != nil {
		t.Errorf("student's kubeconfig: %v", err)
	}
}

// A foreign authority's certificate must not open a cluster: one student's
// kubeconfig is nothing to another's API server.
func TestAccessOfAnotherCluster(t *testing.T) {
	mine := newSigner(t, newECKey(t), "EC PRIVATE KEY", time.Now().Add(year))
	other := newSigner(t, newECKey(t), "EC PRIVATE KEY", time.Now().Add(year))
	server := mine.serve(t)
	forged := provisioner.Access{Server: server.URL, CACert: other.certPEM, CAKey: other.keyPEM}
	config := must(clientcmd.Load(must(forged.Admin())(t)))(t)
	// Trust the server, so that it is the server that refuses.
	config.Clusters["wheelhouse"].CertificateAuthorityData = mine.certPEM
	if got, err := get(t, must(clientcmd.Write(*config))(t)); err == nil {
		t.Errorf("a foreign certificate got in: %q", got)
	}
}

func TestAccessCertificate(t *testing.T) {
	for _, test := range []struct {
		name             string
		authorityFor     time.Duration
		wantFor          time.Duration
		wantErrorMention string
	}{
		{name: "a year", authorityFor: 10 * year, wantFor: year},
		{name: "not longer than the authority", authorityFor: time.Hour, wantFor: time.Hour},
		{name: "of an authority that expired", authorityFor: -time.Minute, wantErrorMention: "expired on"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ca := newSigner(t, newECKey(t), "EC PRIVATE KEY", time.Now().Add(test.authorityFor))
			access := provisioner.Access{WorkstationServer: "https://x:6443", CACert: ca.certPEM, CAKey: ca.keyPEM}
			first, err := access.Student()
			if test.wantErrorMention != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErrorMention) {
					t.Fatalf("got error %v, want one with %q", err, test.wantErrorMention)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			user := must(clientcmd.Load(first))(t).AuthInfos["student"]
			block, _ := pem.Decode(user.ClientCertificateData)
			cert := must(x509.ParseCertificate(block.Bytes))(t)
			if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
				t.Errorf("key: got %T, want EC P-256", cert.PublicKey)
			}
			if got := time.Until(cert.NotAfter); got > test.wantFor || got < test.wantFor-time.Minute {
				t.Errorf("valid for %s, want %s", got, test.wantFor)
			}
			if !cert.NotBefore.Before(time.Now().Add(-time.Minute)) || cert.NotBefore.Before(ca.cert.NotBefore) {
				t.Errorf("valid from %s, want some minutes ago", cert.NotBefore)
			}
			if len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || cert.IsCA {
				t.Errorf("usage: got %v, authority %t, want a client's only", cert.ExtKeyUsage, cert.IsCA)
			}
			again := must(clientcmd.Load(must(access.Student())(t)))(t).AuthInfos["student"]
			if bytes.Equal(again.ClientKeyData, user.ClientKeyData) {
				t.Error("two calls gave the same key")
			}
		})
	}
}

func TestAccessWithoutAuthority(t *testing.T) {
	access := provisioner.Access{Server: "https://127.0.0.1:1", CACert: []byte("x"), CAKey: []byte("y")}
	_, err := access.Admin()
	if err == nil || !strings.Contains(err.Error(), "certificate authority") {
		t.Errorf("got error %v, want one that names the certificate authority", err)
	}
}
