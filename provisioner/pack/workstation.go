package pack

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"wheelhouse/provisioner/workstation"
)

// workstationPackages are what the labs' texts use, and what a person expects of
// a shell.
var workstationPackages = append(slices.Clone(basePackages),
	"util-linux", "bash-completion", "nano", "vim-tiny", "less", "curl", "jq", "procps", "iputils-ping", "iproute2", "tar", "gzip",
	"openssl", "ca-certificates", "netcat-openbsd", "tree", "diffutils", "gawk", "ncurses-bin")

// StudentUID is the user and the group of the student on a workstation.
const StudentUID = 1000

// workstation makes the root file system of a workstation. completion is what
// `kubectl completion bash` prints.
func (s *debSet) workstation(ctx context.Context, kubernetes string, completion []byte) (*tree, []Package, error) {
	t, packages, err := s.system(ctx, workstationPackages, nil)
	if err != nil {
		return nil, nil, err
	}
	t.copy("usr/local/bin/kubectl", filepath.Join(kubernetes, "kubernetes"), 0o755)
	for name, target := range map[string]string{
		"bashrc": "etc/bash.bashrc", "nanorc": "etc/nanorc", "profile": "etc/skel/.profile",
		"k.bash": "usr/share/bash-completion/completions/k",
	} {
		text, err := workstation.Files.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		t.text(target, string(text), 0o644)
	}
	t.remove("etc/skel/.bashrc") // it would undo ours
	t.remove("etc/skel/.bash_logout")
	t.text("usr/share/bash-completion/completions/kubectl", string(completion), 0o644)
	t.link("usr/local/bin/editor", "/usr/bin/nano")
	t.text("usr/local/bin/wheelhouse-agent", "", 0o755) // the agent is bound over it

	for name, line := range map[string]string{
		"etc/passwd": "student:x:%[1]d:%[1]d:Student:/home/student:/bin/bash\n",
		"etc/group":  "student:x:%[1]d:\n",
	} {
		t.text(name, string(t.entries[name].text)+fmt.Sprintf(line, StudentUID), 0o644)
	}
	t.put("home/student", &entry{mode: fs.ModeDir | 0o700, uid: StudentUID, gid: StudentUID})
	for _, e := range t.entries { // nobody becomes somebody else here
		e.mode &^= fs.ModeSetuid
		if !e.mode.IsDir() {
			e.mode &^= fs.ModeSetgid
		}
	}
	return t, packages, nil
}
