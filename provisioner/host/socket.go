package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
)

// ListenUnix listens on a Unix socket in the folder, for this user only. A socket of
// the name that is there already is replaced: the caller knows that nobody listens on
// it. The file stays when the listener is closed.
func ListenUnix(folder, name string) (*net.UnixListener, error) {
	path, done, err := shortPath(folder, name)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", filepath.Join(folder, name), err)
	}
	listener.SetUnlinkOnClose(false) // the path is good for this moment only
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("listen on %s: %w", filepath.Join(folder, name), err)
	}
	return listener, nil
}

// DialUnix connects to a Unix socket in the folder.
func DialUnix(ctx context.Context, folder, name string) (net.Conn, error) {
	path, done, err := shortPath(folder, name)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", filepath.Join(folder, name), err)
	}
	return conn, nil
}

// shortPath returns a path of a file in the folder for as long as done is not called.
// A socket's address holds 107 bytes at most (unix(7)), so that the folder is opened
// and named by its descriptor, where the system knows such names.
func shortPath(folder, name string) (path string, done func(), err error) {
	if runtime.GOOS != "linux" {
		return filepath.Join(folder, name), func() {}, nil
	}
	dir, err := os.Open(folder)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name), func() { dir.Close() }, nil
}
