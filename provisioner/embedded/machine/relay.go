package machine

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
)

// listenerOf returns the listener that this process was started with as fd.
func listenerOf(fd uintptr, name string) (net.Listener, error) {
	file := os.NewFile(fd, name)
	if file == nil {
		return nil, errors.New("the socket " + name + " was not handed over")
	}
	defer file.Close() // FileListener has a copy
	return net.FileListener(file)
}

// relay connects whoever comes to listener with what dial returns, until ctx
// ends. A connection whose other side does not answer is closed.
func relay(ctx context.Context, listener net.Listener, dial func(context.Context) (net.Conn, error), log *slog.Logger) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		conns.Go(func() {
			defer conn.Close()
			other, err := dial(ctx)
			if err != nil {
				log.Debug("relay", "err", err)
				return
			}
			defer other.Close()
			defer context.AfterFunc(ctx, func() { conn.Close(); other.Close() })()
			join(conn, other)
		})
	}
}

// join copies both ways until both directions have ended. The kernel copies:
// io.Copy splices between sockets.
func join(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			if _, err := io.Copy(pair[0], pair[1]); err != nil {
				pair[0].Close() // a broken half leaves nothing to wait for
				pair[1].Close()
				return
			}
			if half, ok := pair[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		})
	}
	wg.Wait()
}
