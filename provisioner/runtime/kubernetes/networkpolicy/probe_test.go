package networkpolicy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve answers in a pod, on TCP 8080 and 8081 and UDP 8080, with what it is sent.
func (s *site) serve(t *testing.T, pod string) {
	must(t, s.namespace(pod).do(func() error {
		for _, port := range []int{8080, 8081} {
			l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { defer c.Close(); io.Copy(c, c) }()
				}
			}()
		}
		c, err := net.ListenPacket("udp", ":8080")
		if err != nil {
			return err
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			buffer := make([]byte, 64)
			for {
				n, from, err := c.ReadFrom(buffer)
				if err != nil {
					return
				}
				c.WriteTo(buffer[:n], from)
			}
		}()
		return nil
	}))
}

// timeout is how long a probe waits for an answer that may not come. Where one must
// come at the first attempt, a busy machine is given patience.
const timeout, patience = 250 * time.Millisecond, 10 * time.Second

// dial opens a connection from a pod, a node or outside: to is a name, or an
// address with a port; its port is 8080 and it is TCP, unless it ends in "udp", as
// in "x/a udp", or in another port.
func (s *site) dial(from, to string, patience time.Duration) (net.Conn, error) {
	network, target := "tcp", to
	if name, ok := strings.CutSuffix(to, " udp"); ok {
		network, target = "udp", name
	}
	name, port, given := strings.Cut(target, " ")
	if !given {
		port = "8080"
	}
	if addr, ok := s.addrs[name]; ok {
		target = net.JoinHostPort(addr, port)
	}
	var c net.Conn
	err := s.namespace(from).do(func() (err error) {
		c, err = net.DialTimeout(network, target, patience)
		return err
	})
	return c, err
}

// echo tells whether a connection answers within d.
func echo(c net.Conn, d time.Duration) error {
	c.SetDeadline(time.Now().Add(d))
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

func (s *site) reaches(from, to string, patience time.Duration) error {
	c, err := s.dial(from, to, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	return echo(c, patience)
}

// want fails the test unless, before a deadline, every line of both is so at once.
// A line is "x/a > x/b", with what dial takes on either side. Something has to be
// allowed, lest a network that is down pass for one that is guarded.
func (s *site) want(t *testing.T, allowed, denied []string) {
	t.Helper()
	allowed = append([]string{"outside > w/a 8081"}, allowed...) // the witness: no test isolates it
	var wrong error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if wrong = errors.Join(s.probe(allowed, true, timeout), s.probe(denied, false, timeout)); wrong == nil {
			return
		}
	}
	t.Fatal(wrong)
}

func (s *site) probe(lines []string, want bool, patience time.Duration) error {
	wrong := make([]error, len(lines))
	var all sync.WaitGroup
	for i, line := range lines {
		all.Go(func() {
			from, to, _ := strings.Cut(line, " > ")
			err := s.reaches(from, to, patience)
			switch {
			case want && err != nil:
				wrong[i] = fmt.Errorf("%s: want allowed, got %w", line, err)
			case !want && err == nil:
				wrong[i] = fmt.Errorf("%s: want denied, got an answer", line)
			}
		})
	}
	all.Wait()
	return errors.Join(wrong...)
}
