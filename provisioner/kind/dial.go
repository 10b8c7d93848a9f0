package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"wheelhouse/provisioner"
)

// How an agent is dialled. Its socket lies in a folder that this machine and the
// workstation share, unless the engine runs elsewhere (Docker Desktop, a remote
// one) or this process in a container: then a command in the workstation passes
// the bytes on.
const (
	dialSocket = "socket"
	dialExec   = "exec"
)

// longestSocketPath is what fits the kernel's address of a Unix socket anywhere.
const longestSocketPath = 100

// dialer returns Access.Dial for the cluster.
func (p *Provider) dialer(e *engine, cluster, how string) func(context.Context) (net.Conn, error) {
	if how == dialExec {
		return func(ctx context.Context) (net.Conn, error) { return e.dialAgent(ctx, cluster) }
	}
	folder := filepath.Join(p.store.folder(cluster), runFolder)
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dialFolder(ctx, folder)
		if errors.Is(err, fs.ErrPermission) {
			// The workstation was restarted, and its new socket is root's only.
			return e.dialAgent(ctx, cluster)
		}
		return conn, err
	}
}

// dialFolder connects to the agent's socket in the folder, however long its path.
func dialFolder(ctx context.Context, folder string) (net.Conn, error) {
	var d net.Dialer
	path := filepath.Join(folder, agentSocket)
	if len(path) > longestSocketPath && runtime.GOOS == "linux" {
		open, err := os.Open(folder)
		if err != nil {
			return nil, fmt.Errorf("dial the workstation's agent: %w", err)
		}
		defer open.Close()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", open.Fd(), agentSocket)
	}
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("dial the workstation's agent: %w", err)
	}
	return conn, nil
}

// awaitAgent waits until the cluster's agent can be dialled and returns how. It
// blocks until then, until the workstation is found dead, or until ctx ends.
func (p *Provider) awaitAgent(ctx context.Context, e *engine, cluster string) (string, error) {
	folder := filepath.Join(p.store.folder(cluster), runFolder)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for try := 1; ; try++ {
		conn, err := dialFolder(ctx, folder)
		if err == nil {
			return dialSocket, conn.Close()
		}
		// The socket is root's; a server that is not root has to be let in.
		if errors.Is(err, fs.ErrPermission) {
			owner := strconv.Itoa(os.Getuid())
			if _, err := e.run(ctx, "exec", workstationOf(cluster), "chown", owner, agentFolder+"/"+agentSocket); err != nil {
				p.log.Debug("the agent's socket cannot be given away", "cluster", cluster, "err", err)
			}
		}
		if try%20 == 0 || !e.local() {
			here, err := p.agentAnswers(ctx, e, cluster)
			if err != nil {
				return "", err
			}
			if here {
				return dialExec, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the workstation's agent does not answer: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// agentAnswers reports whether the agent listens inside the workstation. A
// workstation that does not run is an error that holds the agent's last words.
func (p *Provider) agentAnswers(ctx context.Context, e *engine, cluster string) (bool, error) {
	name := workstationOf(cluster)
	state, err := e.run(ctx, "container", "inspect", "--format", "{{.State.Status}}", name)
	if err != nil {
		return false, err
	}
	if state != "running" && state != "created" {
		logs, _ := e.run(ctx, "logs", "--tail", "20", name)
		return false, &provisioner.Error{Reason: provisioner.CreateFailed,
			Message: "The workstation does not start. The log holds what its agent printed.",
			Err:     fmt.Errorf("container %s is %s: %s", name, state, logs)}
	}
	_, err = e.run(ctx, "exec", name, "test", "-S", agentFolder+"/"+agentSocket)
	return err == nil, nil
}

// dialAgent connects to the agent through a command in the workstation. A
// workstation that does not run shows as a connection that ends at once.
func (e *engine) dialAgent(ctx context.Context, cluster string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	theirsIn, oursOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	oursIn, theirsOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirsIn.Close(), oursOut.Close())
	}
	cmd := exec.Command(e.name, "exec", "-i", workstationOf(cluster), agentPath, "dial", "--socket", agentFolder+"/"+agentSocket)
	cmd.Stdin, cmd.Stdout = theirsIn, theirsOut
	err = cmd.Start()
	theirsIn.Close()
	theirsOut.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial the workstation's agent: %w", err), oursIn.Close(), oursOut.Close())
	}
	return &execConn{cmd: cmd, in: oursIn, out: oursOut}, nil
}

// execConn is a connection over a command's input and output. Close ends the
// command and waits for it.
type execConn struct {
	cmd     *exec.Cmd
	in, out *os.File
	once    sync.Once
	err     error
}

func (c *execConn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *execConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// CloseWrite tells the agent that nothing more comes.
func (c *execConn) CloseWrite() error { return c.out.Close() }

func (c *execConn) Close() error {
	c.once.Do(func() {
		outErr := c.out.Close()
		if errors.Is(outErr, os.ErrClosed) {
			outErr = nil // CloseWrite was here
		}
		c.err = errors.Join(outErr, c.in.Close())
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait() // it was killed: its error says no more
	})
	return c.err
}

func (c *execConn) LocalAddr() net.Addr  { return execAddr{} }
func (c *execConn) RemoteAddr() net.Addr { return execAddr{} }

func (c *execConn) SetReadDeadline(t time.Time) error  { return c.in.SetReadDeadline(t) }
func (c *execConn) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }
func (c *execConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

type execAddr struct{}

func (execAddr) Network() string { return "exec" }
func (execAddr) String() string  { return agentSocket }
