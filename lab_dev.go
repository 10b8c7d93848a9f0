package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/content"
	"wheelhouse/grader"
	"wheelhouse/server"
)

const (
	lookEvery = 300 * time.Millisecond // at the course's files
	settled   = 2                      // looks without a change before they are read: editors save in several steps
)

// newLabDevCommand is learn for an author: the course is read again when it is
// saved.
func newLabDevCommand() *cobra.Command {
	var cfg config
	cmd := &cobra.Command{
		Use:   "dev LAB",
		Short: "Open a lab for its author: instructions and checks are read again on save",
		Long: `Open a lab for its author, on a cluster of their own.

Whenever a file of the course is saved, the course is read again. What lab lint
finds is printed. A course that cannot be read changes nothing; with any other,
the page shows the new instructions and the checks judge anew within a second or
two. The session, its cluster and its terminals stay. What the cluster holds
before the student starts (setup, files) is made for new sessions only: end the
lab on its page and start it again.`,
		Example: "  wheelhouse lab dev greeting --content my-course",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cfg.Content == "" {
				return errors.New("--content: name the folder of the course, the one that holds course.yaml")
			}
			if !cmd.Flags().Changed("data") {
				cfg.Data = filepath.Join(cfg.Data, "dev") // apart from what was learned in other courses
			}
			return cfg.develop(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cfg.bindEngine(cmd, slog.LevelWarn)
	cfg.bindServing(cmd, config{Listen: "127.0.0.1:8080", Warm: 0, MaxClusters: 4})
	cmd.Flags().BoolVar(&cfg.Open, "open", true, "open the link in the desktop's browser, where there is a desktop")
	return cmd
}

// develop serves the course, and starts anew with what was saved, until ctx ends.
func (c *config) develop(ctx context.Context, lab string, out, problems io.Writer) error {
	first := true
	for {
		before, err := filesOf(c.Content)
		if err != nil {
			return err
		}
		course, err := c.loadCourse()
		if err := unusable(course, err); err != nil && first {
			return fmt.Errorf("the course has mistakes:\n%w", err)
		} else if err != nil { // saved again between two looks
			if err := c.untilSaved(ctx, before, problems); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		}
		printMistakes(problems, mistakesIn(course, nil))
		if _, ok := course.Lab(lab); !ok && first {
			return fmt.Errorf("there is no lab %s in %s; wheelhouse lab list --content %[2]s shows them", lab, c.Content)
		}
		program, err := c.open(ctx, server.Learn, course)
		if err != nil {
			return err
		}
		if first {
			if err := program.invite(ctx, lab, out); err != nil {
				program.close()
				return err
			}
			// The same port each time, also where the first was any.
			c.Listen = hostPort(c.Listen, program.listener)
		}
		first = false
		running, stop := context.WithCancel(ctx)
		saved := make(chan error, 1)
		go func() {
			defer stop()
			saved <- c.untilSaved(running, before, problems)
		}()
		err = program.run(running, nil)
		stop()
		if err = errors.Join(err, <-saved); err != nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(out, "%s  The course was read again.\n", time.Now().Format(time.TimeOnly))
	}
}

// invite prints the link to the lab.
func (p *program) invite(ctx context.Context, lab string, out io.Writer) error {
	secret, err := p.labs.LearnerLink(ctx)
	if err != nil {
		return err
	}
	link := p.url.JoinPath("labs", lab).String() + "#link=" + secret
	fmt.Fprintf(out, "\nThe lab is ready for you. Open this link in your browser; it logs in once:\n\n  %s\n\nSave a file of %s, and the page shows it. Ctrl-C stops it.\n\n", link, p.config.Content)
	if p.config.Open && desktop() {
		if err := openBrowser(link); err != nil {
			p.logger.Debug("open the browser", "err", err)
		}
	}
	return nil
}

// hostPort is the address of --listen with the port that the listener got.
func hostPort(listen string, listener net.Listener) string {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return listen
	}
	return net.JoinHostPort(host, port)
}

// untilSaved blocks until the course's files are others than before and make a
// course that can be read, or until ctx ends. It prints what is wrong with one that
// cannot.
func (c *config) untilSaved(ctx context.Context, before map[string]fileState, problems io.Writer) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	refused, last, quiet := before, before, 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := filesOf(c.Content)
		if err != nil {
			continue // a folder that is being moved; it is looked at again
		}
		if !maps.Equal(now, last) {
			last, quiet = now, 0
			continue
		}
		if quiet++; quiet < settled || maps.Equal(now, refused) {
			continue
		}
		course, err := c.loadCourse()
		if err = unusable(course, err); err == nil {
			return nil
		}
		refused = now
		fmt.Fprintf(problems, "%s  What was saved cannot be used, so the page stays as it was:\n%v\n", time.Now().Format(time.TimeOnly), err)
	}
}

// unusable returns what keeps a course from being served: what Load said of it,
// and expressions that do not compile.
func unusable(course *content.Course, loading error) error {
	if loading != nil {
		return loading
	}
	var mistakes []error
	for _, lab := range course.Labs() {
		_, err := grader.Compile(lab)
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}

func printMistakes(w io.Writer, mistakes []*content.Problem) {
	for _, mistake := range mistakes {
		fmt.Fprintln(w, mistake)
	}
}

// fileState is what shows that a file was saved.
type fileState struct {
	size     int64
	modified time.Time
}

// filesOf lists the files of a course.
func filesOf(folder string) (map[string]fileState, error) {
	files := map[string]fileState{}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if inside, err := filepath.Rel(folder, name); err == nil && inside != "." && content.Leftover(filepath.ToSlash(inside)) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // renamed meanwhile, as editors do
		}
		if err == nil {
			files[name] = fileState{info.Size(), info.ModTime()}
		}
		return err
	})
	return files, err
}
