// Command wheelhouse-agent is the first process of every workstation. It runs as
// root in the workstation's container and keeps the student's terminals, runs
// commands and writes files there, for the Wheelhouse server.
//
//	wheelhouse-agent serve --socket PATH|--socket-fd N --user NAME [--idle DURATION]
//	wheelhouse-agent dial --socket PATH
//
// dial joins its standard input and output to the socket, for servers that reach
// the workstation through the container engine's exec only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

const usage = `usage: wheelhouse-agent serve --socket PATH|--socket-fd N --user NAME [--idle DURATION]
       wheelhouse-agent dial --socket PATH`

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Println(usage)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wheelhouse-agent:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("no command given\n" + usage)
	}
	switch args[0] {
	case "serve":
		return serve(args[1:])
	case "dial":
		return dial(args[1:], os.Stdin, os.Stdout)
	}
	return fmt.Errorf("unknown command %q\n%s", args[0], usage)
}
