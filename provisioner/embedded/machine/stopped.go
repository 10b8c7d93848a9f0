package machine

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// StoppedFolder, in the cluster's folder, holds a file for each node that is to be
// down, named after it. Whoever owns the cluster puts it there and takes it away.
const StoppedFolder = "stopped"

// OnRequest is the message of a part that is down because somebody wanted that.
const OnRequest = "stopped on request"

// stoppedEvery is the pause between two looks at a file of StoppedFolder.
const stoppedEvery = 500 * time.Millisecond

// keepNode runs a node and starts it again when it ends, but for while it is
// stopped, until ctx ends.
func (c *Cluster) keepNode(ctx context.Context, n *Node, board *board, run func(context.Context) error) error {
	return unlessFile(ctx, filepath.Join(ClusterDir, StoppedFolder, n.Name), func(ctx context.Context) error {
		board.forget(n.Name)
		err := run(ctx)
		board.stopped(n.Name)
		return err
	})
}

// unlessFile calls run whenever there is no file at path, with a context that ends
// when there is one, until ctx ends or run fails.
func unlessFile(ctx context.Context, path string, run func(context.Context) error) error {
	tick := time.NewTicker(stoppedEvery)
	defer tick.Stop()
	await := func(ctx context.Context, there bool) bool {
		for {
			if _, err := os.Lstat(path); (err == nil) == there {
				return true
			}
			select {
			case <-ctx.Done():
				return false
			case <-tick.C:
			}
		}
	}
	for await(ctx, false) {
		running, stop := context.WithCancel(ctx)
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			if await(running, true) {
				stop()
			}
		}()
		err := run(running)
		stop()
		<-watched
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}
