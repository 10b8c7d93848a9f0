package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit is something that a machine has only so many of.
type limit struct {
	// take takes up to most of them, keeps them until the process ends, and returns
	// how many it got and what refused the next one.
	take func(most int) (int, error)

	// processes that take them together: for each holds for what one may have.
	processes int
}

var limits = map[string]limit{
	"inotify instances": {takeInotify, 4},
	"inotify watches":   {takeWatches, 1},
	"ptys":              {takePTYs, 4},
	"keys":              {takeKeys, 4},
	"processes":         {takeProcesses, 1},
	"open files":        {takeFiles, 8},
	"user namespaces":   {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWUSER) }, 1},
	"mount namespaces":  {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWNS) }, 1},
	"net namespaces":    {func(most int) (int, error) { return takeNamespaces(most, unix.CLONE_NEWNET) }, 1},
	"connections":       {takeConnections, 1},
	"loop devices":      {takeLoops, 1},
	"disk":              {takeDisk, 1},
	"inodes":            {takeInodes, 1},
	"aio requests":      {takeRequests, 1},
	"file locks":        {takeLocks, 1},

	"deaf processes":    {takeDeaf, 1},
	"hydras":            {takeHydras, 1},
	"stopped processes": {takeStopped, 1},
	"traced processes":  {takeTraced, 1},
	"frozen processes":  {takeFrozen, 1},
	"control groups":    {takeGroups, 1},
	"mounts":            {takeMounts, 1},
}

// holdLimits takes each limit of args[1:], NAME=MOST, reports how many it got and
// what refused more, and leaves processes behind that hold them for args[0] seconds,
// or until they are killed; with 0, they go at once.
func holdLimits(args []string) error {
	for _, arg := range args[1:] {
		name, text, _ := strings.Cut(arg, "=")
		l, ok := limits[name]
		most, err := strconv.Atoi(text)
		if !ok || err != nil {
			return fmt.Errorf("no limit %q", arg)
		}
		if args[0] == "0" {
			l.processes = 1 // as this user alone
		}
		report(l.hold(name, most, args[0]))
	}
	return nil
}

// hold starts the processes that hold one limit, and returns what they got.
func (l limit) hold(name string, most int, seconds string) result {
	r := result{Attack: "hold", Way: name, Refused: map[string]int{}}
	share := (most + l.processes - 1) / l.processes
	for i := range l.processes {
		read, write, err := os.Pipe()
		if err != nil {
			r.Refused[errorName(err)]++
			break
		}
		cmd := exec.Command("/proc/self/exe", "holder", name, strconv.Itoa(share), seconds, strconv.Itoa(i))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.ExtraFiles = []*os.File{write}
		err = cmd.Start()
		write.Close()
		if err != nil {
			read.Close()
			r.Refused[errorName(err)]++
			break
		}
		var got held
		if err := json.NewDecoder(read).Decode(&got); err != nil {
			r.Refused["the holder ended: "+err.Error()]++
		}
		read.Close()
		r.Count += got.Count
		if got.Refused != "" {
			r.Refused[got.Refused]++
		}
	}
	return r
}

// held is what a holder tells on descriptor 3.
type held struct {
	Count   int
	Refused string
}

func beHolder(args []string) {
	most, _ := strconv.Atoi(args[1])
	seconds, _ := strconv.Atoi(args[2])
	number, _ := strconv.Atoi(args[3])
	out := os.NewFile(3, "out")
	holderNumber = number
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}) // or as many as it may
	count, err := limits[args[0]].take(most)
	answer := held{Count: count}
	if err != nil {
		answer.Refused = errorName(err)
	}
	_ = json.NewEncoder(out).Encode(answer) // who started it may have gone
	out.Close()
	if seconds > 0 {
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	for _, path := range holderFiles {
		_ = os.RemoveAll(path)
	}
}

var (
	holderNumber int      // which of the processes that take a limit together
	holderFiles  []string // what is removed in the end
)
