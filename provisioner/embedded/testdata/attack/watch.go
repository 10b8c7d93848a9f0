package main

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watchOthers reports the files of the folders args[1:] that any process of the machine
// opens within args[0] seconds. A mark of inotify is on the file, and every cluster has
// the same files of the pack.
func watchOthers(args []string) error {
	seconds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	watched, refused := 0, map[string]int{}
	for _, dir := range args[1:] {
		if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN|unix.IN_ACCESS|unix.IN_CLOSE); err != nil {
			refused[errorName(err)]++
			continue
		}
		watched++
	}
	opened := map[string]bool{}
	for deadline := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(deadline); {
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100); n <= 0 {
			continue
		}
		var buffer [64 << 10]byte
		n, err := unix.Read(fd, buffer[:])
		if err != nil {
			continue // it was interrupted, or there is nothing yet
		}
		for at := 0; at < n; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&buffer[at]))
			begin := at + unix.SizeofInotifyEvent
			at = begin + int(event.Len)
			opened[strings.TrimRight(string(buffer[begin:at]), "\x00")] = true
		}
	}
	for name := range opened {
		report(result{Attack: "watch", Where: name, Done: []string{"opened"}})
	}
	report(result{Attack: "watch", Count: watched, Refused: refused})
	return nil
}
