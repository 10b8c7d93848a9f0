package provisionertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// authority is a certificate authority, PEM.
type authority struct {
	Cert []byte `json:"cert"`
	Key  []byte `json:"key"`
}

// newAuthority makes one that lives for ten years, as kubeadm's does.
func newAuthority() (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kubernetes"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return authority{}, err
	}
	return authority{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// serverCertificate returns a certificate of the authority for 127.0.0.1.
func (a authority) serverCertificate() (tls.Certificate, error) {
	ca, err := tls.X509KeyPair(a.Cert, a.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:   ca.Leaf.NotBefore,
		NotAfter:    ca.Leaf.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}, err
}

// apiServer is the API server of one fake cluster; nil is none.
type apiServer struct {
	url    string
	server *http.Server
	done   chan struct{} // closed when the server has stopped accepting
}

// serve starts the API server of c, once, and returns its URL. The caller holds
// the lock.
func (f *Fake) serve(c *fakeCluster) (string, error) {
	if f.options.API == nil {
		return "https://127.0.0.1:1", nil // nothing listens on port 1
	}
	if c.server == nil {
		server, err := newAPIServer(c.CA, f.options.API(c.Cluster.Name))
		if err != nil {
			return "", err
		}
		c.server = server
	}
	return c.server.url, nil
}

func newAPIServer(ca authority, handler http.Handler) (*apiServer, error) {
	cert, err := ca.serverCertificate()
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca.Cert)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &apiServer{
		url:  "https://" + listener.Addr().String(),
		done: make(chan struct{}),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: time.Minute,
			ErrorLog:          log.New(io.Discard, "", 0), // refused handshakes are the tests' business
			TLSConfig: &tls.Config{
				Certificates: []tls.Certificate{cert},
				ClientCAs:    clients,
				ClientAuth:   tls.RequireAndVerifyClientCert,
			},
		},
	}
	go func() {
		defer close(s.done)
		s.server.ServeTLS(listener, "", "")
	}()
	return s, nil
}

// close ends the server and its connections. Handlers see their request's
// context end; it does not wait for them.
func (s *apiServer) close() {
	if s != nil {
		s.server.Close()
		<-s.done
	}
}
