package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
)

// dial joins in and out to the agent's socket until the agent closes it. The end
// of in is passed on.
func dial(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	socket := flags.String("socket", "", "the agent's Unix socket")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *socket == "" || flags.NArg() > 0 {
		return errors.New("dial needs --socket, and nothing else\n" + usage)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: *socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("reach the agent: %w", err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, in)
		_ = conn.CloseWrite() // the agent then ends the connection
	}()
	_, err = io.Copy(out, conn)
	return err
}
