package embedded

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"wheelhouse/provisioner"
)

// What the tests need to see from inside.
var (
	TakeIDs   = takeIDs
	ProcessOf = processOf
	AtLeast   = atLeast
	Judge     = judge

	FindCgroups = findCgroups
	ContainerOf = containerOf
	LimitGroups = limitGroups

	TrialFindings = trialFindings
)

// IDCount is how many ids a cluster has.
const IDCount = idCount

// StopWithin is how long a cluster may take to end by itself.
const StopWithin = stopWithin

type (
	IDRange = idRange
	Process = process
)

// GiveBack frees the range of owner.
func (r idRange) GiveBack(runDir, owner string) error { return r.giveBack(runDir, owner) }

// Alive reports whether it is this very process that still runs.
func (p process) Alive() bool { return p.alive() }

// OpenStore returns what reads and writes the records in dir.
func OpenStore(dir string) (*Store, error) {
	s, err := openStore(dir)
	return &Store{s}, err
}

// Store is store.
type Store struct{ store }

// Begin writes the first record of the cluster name.
func (s *Store) Begin(name string) error {
	return s.begin(record{Name: name, State: provisioner.Creating})
}

// Ready notes that the cluster name is ready.
func (s *Store) Ready(name string) error { return s.save(record{Name: name, State: provisioner.Ready}) }

// States returns the state of every cluster.
func (s *Store) States() (map[string]provisioner.State, error) {
	records, err := s.all()
	states := map[string]provisioner.State{}
	for _, r := range records {
		states[r.Name] = r.State
	}
	return states, err
}

// ReadInside reads a file of the cluster's own folder.
func (s *Store) ReadInside(name, path string) ([]byte, error) { return s.readInside(name, path) }

// Lock waits for the lock of the cluster name.
func (s *Store) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	return s.lock(ctx, name, waiting)
}

// Folder is where the cluster name is kept.
func (s *Store) Folder(name string) string { return s.folder(name) }

// Inside is the cluster's own folder.
func (s *Store) Inside(name string) string { return s.folder(name) + "/" + clusterFolder }

// Path is what runc's configuration calls the group of a container.
func (c cgroups) Path(container string) string { return c.path(container) }

// Annotations are properties of the scope.
func (c cgroups) Annotations(name string) map[string]string { return c.annotations(name) }

// Memory returns the limits of a cluster.
func (c cgroups) Memory(bytes int64) *specs.LinuxMemory { return c.memory(bytes) }

// RemoveGroupsBelow ends what runs in a control group and below it, and removes those
// below it.
var RemoveGroupsBelow = removeGroupsBelow

// RemoveGroups ends what runs in the control groups of a container, and removes them.
var RemoveGroups = removeGroups

// GroupFolders are the folders of the control groups that a container may have here.
func GroupFolders(container string) []string { return thisMachine().folders(container) }

// Abandon ends the creation of a cluster with err, whose first process has printed log,
// and returns what is told of it.
func Abandon(dir, log string, err error) error {
	s, openErr := openStore(dir)
	r := record{Name: "play"}
	p := &Provider{store: s, options: Options{RunDir: dir}, log: slog.New(slog.DiscardHandler)}
	if openErr := errors.Join(openErr, s.begin(r), os.WriteFile(filepath.Join(s.folder(r.Name), logFile), []byte(log), 0o600)); openErr != nil {
		return openErr
	}
	return p.abandon(context.Background(), r, err)
}

// ErrDied ends the wait for a cluster whose first process has ended.
var ErrDied = errDied
