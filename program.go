package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wheelhouse/content"
	"wheelhouse/labs"
	"wheelhouse/labs/sqlite"
	"wheelhouse/provisioner"
	"wheelhouse/provisioner/host"
	"wheelhouse/server"
	"wheelhouse/server/control"
	"wheelhouse/web"
)

// databaseFile is the database, in the data folder.
const databaseFile = "wheelhouse.db"

// poolSpec is the cluster that most labs ask for, and that is kept warm.
var poolSpec = provisioner.Spec{}

// loadCourse reads the built-in course, or the one of --content.
func (c *config) loadCourse() (*content.Course, error) {
	if c.Content == "" {
		return content.Load(content.Embedded(), "kubernetes")
	}
	folder, err := filepath.Abs(c.Content)
	if err != nil {
		return nil, fmt.Errorf("--content %q: %w", c.Content, err)
	}
	if stat, err := os.Stat(folder); err != nil || !stat.IsDir() {
		return nil, fmt.Errorf("--content %s: there is no such folder; it has to hold a course.yaml", folder)
	}
	return content.Load(os.DirFS(filepath.Dir(folder)), filepath.Base(folder))
}

// loadServed reads the course that people are to see, and logs its warnings.
func (c *config) loadServed() (*content.Course, error) {
	course, err := c.loadCourse()
	if err != nil {
		return nil, fmt.Errorf("the course has mistakes (wheelhouse lab lint shows them):\n%w", err)
	}
	logger := c.logger()
	for _, warning := range course.Warnings {
		logger.Warn("students see a part of the course as plain text", "file", warning.File, "line", warning.Line, "reason", warning.Message)
	}
	return course, nil
}

// program is Wheelhouse as it serves: everything opened and put together.
type program struct {
	config   *config
	logger   *slog.Logger
	mode     server.Mode
	lock     *os.File
	control  net.Listener // for commands on this machine
	began    time.Time
	max      int // clusters that may exist at once; 0 is no limit
	db       *sqlite.DB
	provider provisioner.Provider
	pool     *provisioner.Pool
	labs     *labs.Service
	server   *server.Server
	listener net.Listener
	url      *url.URL
}

// open puts the program together, to serve that course. What cannot work (a taken port, no engine, a
// damaged database) is found here, before anything is started.
func (c *config) open(ctx context.Context, mode server.Mode, course *content.Course) (_ *program, err error) {
	if err := c.validateServing(); err != nil {
		return nil, err
	}
	if err := c.openData(); err != nil {
		return nil, err
	}
	p := &program{config: c, logger: c.logger(), mode: mode, began: time.Now().UTC()}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.lock, err = lockData(c.Data); err != nil {
		return nil, err
	}
	if p.control, err = host.ListenUnix(c.Data, control.Socket); err != nil {
		return nil, err
	}
	if p.listener = c.inherited; p.listener == nil {
		if p.listener, err = listen(c.Listen); err != nil {
			return nil, err
		}
	}
	p.url = c.baseURL(p.listener)
	if c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		p.listener = tls.NewListener(p.listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	if p.provider, err = c.openProvider(ctx); err != nil {
		return nil, err
	}
	if p.db, err = sqlite.Open(ctx, filepath.Join(c.Data, databaseFile)); err != nil {
		return nil, err
	}
	return p, p.assemble(ctx, course)
}

// assemble makes the pool, the service and the server on what open has opened.
func (p *program) assemble(ctx context.Context, course *content.Course) (err error) {
	p.max = p.maxClusters()
	p.pool = provisioner.NewPool(provisioner.PoolOptions{
		Provider:      p.provider,
		Size:          p.config.Warm,
		Spec:          poolSpec,
		Concurrency:   p.config.Concurrency,
		Max:           p.max,
		CreateTimeout: p.config.CreateTimeout,
		EstimatesFile: filepath.Join(p.config.Data, "estimates.json"),
		FreshDir:      filepath.Join(p.config.Data, "fresh"),
		Logger:        p.logger,
	})
	p.labs, err = labs.New(labs.Options{
		Course: course,
		Stores: p.db.Stores(),
		Pool:   p.pool,
		Limits: labs.Limits{Sessions: p.config.SessionsPerStudent, Idle: p.config.Idle, Rest: p.rest()},
		Logger: p.logger,
	})
	if err != nil {
		return err
	}
	claimed, err := p.labs.Claimed(ctx)
	if err != nil {
		return err
	}
	p.pool.Adopt(claimed)
	var pages fs.FS
	if built, ok := web.Dist(); ok {
		pages = built
	}
	proxies, err := p.config.trustedProxies()
	if err != nil {
		return err
	}
	key, err := deviceKey(p.config.Data)
	if err != nil {
		return err
	}
	p.server, err = server.New(server.Options{
		Labs:           p.labs,
		Course:         course,
		Pages:          pages,
		Mode:           p.mode,
		PublicURL:      p.url.String(),
		AppsURL:        p.config.AppsURL,
		TrustedProxies: proxies,
		DeviceKey:      key,
		Ready:          p.ready,
		Version:        version,
		Logger:         p.logger,
	})
	return err
}

// maxClusters is --max-clusters, or less where no more clusters come up on this
// machine: then students wait in line instead of at a cluster that never gets ready.
// Without the flag it is what the machine has room for, its memory counted as well.
func (p *program) maxClusters() int {
	asked := p.config.MaxClusters
	most, reason := host.Capacity(supplies(p.provider), asked == 0)
	switch {
	case most == 0 || asked != 0 && asked <= most:
		return asked
	case asked == 0:
		p.logger.Info("clusters are limited to what this machine has room for", "capacity", most, "reason", reason)
	default:
		p.logger.Warn("this machine can run fewer clusters than asked for", "max-clusters", asked, "capacity", most, "reason", reason)
	}
	return most
}

// rest is --rest where the provider's clusters can rest, or else never.
func (p *program) rest() time.Duration {
	if _, can := p.provider.(provisioner.Freezer); !can {
		return 0
	}
	return p.config.Rest
}

// leastRoom is how many bytes the disk of the data folder has to have left, so that
// what students achieve is saved.
const leastRoom = 16 << 20

// ready tells what keeps labs from being opened: nil when nothing does.
func (p *program) ready(ctx context.Context) error {
	return errors.Join(p.labs.Ready(ctx), p.pool.Status().Err, host.Room(p.config.Data, leastRoom))
}

// run serves until ctx ends, and then closes everything in the order in which
// nothing is lost. Sessions and their clusters stay for the next start.
// afterwards, which may be nil, is called when everything has stopped but the
// database is still open.
func (p *program) run(ctx context.Context, afterwards func(context.Context) error) error {
	defer p.close()
	err := runAll(ctx,
		func(ctx context.Context) error { return p.server.Serve(ctx, p.listener) },
		p.labs.Run,
		p.pool.Run,
		p.serveControl,
	)
	if afterwards != nil {
		err = errors.Join(err, afterwards(context.WithoutCancel(ctx)))
	}
	return err
}

func (p *program) close() {
	if p.listener != nil {
		p.listener.Close()
	}
	if p.db != nil {
		if err := p.db.Close(); err != nil {
			p.logger.Error("close the database", "err", err)
		}
	}
	if p.control != nil {
		p.control.Close()
		_ = os.Remove(filepath.Join(p.config.Data, control.Socket)) // one that is left tells commands the same
	}
	if p.lock != nil {
		p.lock.Close()
	}
}

// discardWarm deletes the clusters that nobody has claimed, so that a stopped
// Wheelhouse uses no memory but that of labs under way. It prints what stays.
func (p *program) discardWarm(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	claimed, err := p.labs.Claimed(ctx)
	if err != nil {
		return err
	}
	names, err := listClusters(ctx, p.provider)
	if err != nil {
		return err
	}
	all := len(names)
	names = slices.DeleteFunc(names, func(name string) bool { return claimed[name] != "" })
	if kept := all - len(names); kept > 0 {
		fmt.Fprintf(w, "Still running, of labs under way: %s. Start Wheelhouse again to go on. To see whose they are: %s. To delete them: %s\n",
			countOf(kept, "cluster"), p.config.command("cluster list"), p.config.command("cluster delete --all"))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, provisioner.NamePrefix) })
	return deleteClusters(ctx, p.provider, io.Discard, names...)
}

// tellStaying prints which clusters go on running without this process, and how to
// end them. They are looked after again by the next start.
func (p *program) tellStaying(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	names, err := listClusters(ctx, p.provider)
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = fmt.Fprintf(w, "Still running: %s, which the next start finds again. To see whose they are: %s. To delete them: %s\n",
		countOf(len(names), "cluster"), p.config.command("cluster list"), p.config.command("cluster delete --all"))
	return err
}

// lockData makes sure that one process at a time works on a data folder.
func lockData(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write to the data folder: %w; choose another with --data", err)
	}
	locked, err := provisioner.TryLock(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock the data folder: %w; choose another with --data", err)
	}
	if !locked {
		file.Close()
		return nil, fmt.Errorf("another Wheelhouse is running on %s: use its page, stop it, or choose another folder with --data", folder)
	}
	return file, nil
}
