package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wheelhouse/provisioner"
)

// store keeps the clusters on the disk, each in a folder of its own:
//
//	NAME/record.json      what follows; written before anything is made
//	NAME/ca.crt,ca.key    a copy of the cluster's certificate authority
//	NAME/agent            Unix socket: the workstation's agent
//	NAME/bundle/          the outermost container, for runc
//	NAME/machine.log      what the cluster's first process has printed, which no node can write to
//	NAME/cluster/         what the cluster itself sees as /cluster, and writes
//	NAME/disk             the file system that is mounted there
//	NAME/etcd/            what it sees as /etcd: the database
//	NAME/etcd.disk        the file system that is mounted there
//	NAME/deleted          there while it is to be deleted
//	NAME/pack/            where the pack's image is mounted while the cluster starts
//
// Whatever lies in cluster/ may have been made by a student: it is read and written
// with os.Root only, so that no link in it leads out.
type store struct{ dir string }

// record is what is known of a cluster.
type record struct {
	Name      string            `json:"name"`
	Spec      provisioner.Spec  `json:"spec"`
	State     provisioner.State `json:"state"` // Creating or Ready
	CreatedAt time.Time         `json:"createdAt"`
	Layout    int               `json:"layout"`    // the form of the folder: layout
	Pack      string            `json:"pack"`      // the runtime pack's folder
	Runc      string            `json:"runc"`      // digest of the runc that runs it: see hostProgram
	Container string            `json:"container"` // runc's name of it; unique on the machine
	IDs       idRange           `json:"ids"`       // the host's ids that the cluster's are mapped to
	Port      int               `json:"port"`      // of the API server on this machine's loopback
	Process   process           `json:"process"`   // the cluster's first one
	Deleted   bool              `json:"-"`         // it is to be deleted, or partly is
}

// layout is the form of a cluster's folder that this program makes and can start.
const layout = 2

const (
	recordFile    = "record.json"
	caCertFile    = "ca.crt"
	caKeyFile     = "ca.key"
	agentSocket   = "agent"
	logFile       = "machine.log"
	clusterFolder = "cluster"
	etcdFolder    = "etcd"
	packFolder    = "pack"
	bundleFolder  = "bundle"
)

func openStore(dir string) (store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return store{}, fmt.Errorf("make the data directory: %w", err)
	}
	return store{dir}, nil
}

func (s store) folder(name string) string { return filepath.Join(s.dir, name) }

// begin makes the folder of a new cluster: fs.ErrExist where there is one.
func (s store) begin(r record) error {
	if err := os.Mkdir(s.folder(r.Name), 0o700); err != nil {
		return err
	}
	return s.save(r)
}

// save writes r in one step: whoever reads sees the old record or the new one.
func (s store) save(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return provisioner.WriteFile(filepath.Join(s.folder(r.Name), recordFile), append(text, '\n'))
}

// load reads the record of the cluster name: provisioner.ErrNotFound where there
// is none. A record that cannot be read is one of a creation that broke off.
func (s store) load(name string) (record, error) {
	broken := record{Name: name, State: provisioner.Creating, Deleted: s.isDeleted(name)}
	text, err := os.ReadFile(filepath.Join(s.folder(name), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		info, err := os.Stat(s.folder(name))
		if err != nil || !info.IsDir() {
			return record{}, fmt.Errorf("cluster %s: %w", name, provisioner.ErrNotFound)
		}
		broken.CreatedAt = info.ModTime()
		return broken, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("read the record of cluster %s: %w", name, err)
	}
	r := broken
	if err := json.Unmarshal(text, &r); err != nil || r.Name != name {
		return broken, nil
	}
	return r, nil
}

// all returns every record, in the order of their names.
func (s store) all() ([]record, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("read the data directory: %w", err)
	}
	var records []record
	for _, entry := range entries {
		if !entry.IsDir() || !validName(entry.Name()) {
			continue
		}
		r, err := s.load(entry.Name())
		if errors.Is(err, provisioner.ErrNotFound) {
			continue // deleted since the folder was read
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// most is more than any file holds that is read from a cluster's own folder.
const most = 1 << 20

// readInside reads a file of the cluster's own folder, wherever a link of a
// student's may point to.
func (s store) readInside(name, path string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Join(s.folder(name), clusterFolder))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readRegular(root, path, most)
}

// readRegular reads at most limit bytes of a file below root, and of nothing that is
// not a file.
func readRegular(root *os.Root, path string, limit int64) ([]byte, error) {
	info, err := root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	// One that has become a pipe meanwhile must not keep us.
	file, err := root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit))
}
