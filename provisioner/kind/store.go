package kind

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wheelhouse/provisioner"
)

// store keeps what Wheelhouse knows of its clusters on the disk, readable by
// this user only:
//
//	owner                       who the containers and networks belong to
//	clusters/NAME/cluster.json  the record
//	clusters/NAME/ca.crt,ca.key the cluster's certificate authority
//	clusters/NAME/run/          the workstation's /run/wheelhouse: the agent's socket
type store struct {
	dir   string // DataDir/clusters
	owner string
}

// record is cluster.json. It is written before anything else of a cluster is
// made, so that nothing is ever made that a restarted process would not find.
type record struct {
	Name      string            `json:"name"`
	Spec      provisioner.Spec  `json:"spec"`
	State     provisioner.State `json:"state"` // Creating or Ready
	CreatedAt time.Time         `json:"createdAt"`
	Engine    string            `json:"engine"`

	// What follows is known when the cluster is Ready.
	Server            string `json:"server,omitempty"`
	WorkstationServer string `json:"workstationServer,omitempty"`
	Dial              string `json:"dial,omitempty"` // dialSocket or dialExec

	Down []string `json:"down,omitempty"` // nodes that were stopped on request
}

const (
	recordFile = "cluster.json"
	caCertFile = "ca.crt"
	caKeyFile  = "ca.key"
	runFolder  = "run"
)

// openStore makes the folders under dataDir and reads who owns them, or draws an
// owner the first time.
func openStore(dataDir string) (store, error) {
	s := store{dir: filepath.Join(dataDir, "clusters")}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return store{}, fmt.Errorf("make the data directory: %w", err)
	}
	path := filepath.Join(dataDir, "owner")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(strings.ToLower(rand.Text()[:16]) + "\n")
		err = provisioner.WriteFile(path, text)
	}
	if err != nil {
		return store{}, fmt.Errorf("read the owner of the data directory: %w", err)
	}
	s.owner = strings.TrimSpace(string(text))
	if s.owner == "" {
		return store{}, fmt.Errorf("%s is empty: delete it to draw a new owner, but first delete the clusters labelled %s", path, labelOwner)
	}
	return s, nil
}

// folder is where the cluster name is kept.
func (s store) folder(name string) string { return filepath.Join(s.dir, name) }

// begin makes the folder of a new cluster: fs.ErrExist where there is one.
func (s store) begin(r record) error {
	dir := s.folder(r.Name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, runFolder), 0o700); err != nil {
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
	text, err := os.ReadFile(filepath.Join(s.folder(name), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		info, err := os.Stat(s.folder(name))
		if err != nil || !info.IsDir() {
			return record{}, fmt.Errorf("cluster %s: %w", name, provisioner.ErrNotFound)
		}
		return record{Name: name, State: provisioner.Creating, CreatedAt: info.ModTime()}, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("read the record of cluster %s: %w", name, err)
	}
	r := record{Name: name, State: provisioner.Creating}
	if err := json.Unmarshal(text, &r); err != nil || r.Name != name {
		return record{Name: name, State: provisioner.Creating}, nil
	}
	return r, nil
}

// all returns every record by its cluster's name.
func (s store) all() (map[string]record, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("read the data directory: %w", err)
	}
	records := make(map[string]record)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		r, err := s.load(e.Name())
		if errors.Is(err, provisioner.ErrNotFound) {
			continue // deleted since the folder was read
		}
		if err != nil {
			return nil, err
		}
		records[e.Name()] = r
	}
	return records, nil
}

// remove forgets the cluster name.
func (s store) remove(name string) error {
	return os.RemoveAll(s.folder(name))
}
