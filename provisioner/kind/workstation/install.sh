#!/bin/bash
# Turns a node image into the workstation. Runs once, while the image is built.
set -euo pipefail
parts=/tmp/workstation

# What the labs' texts use, and the packages that bring what is missing.
declare -A package=(
  [vi]=vim-tiny [nano]=nano [less]=less [curl]=curl [jq]=jq [ps]=procps [ping]=iputils-ping
)
missing=()
for command in "${!package[@]}"; do
  command -v "$command" >/dev/null || missing+=("${package[$command]}")
done
[ -r /usr/share/bash-completion/bash_completion ] || missing+=(bash-completion)

if [ "$TOOLS" = full ] && [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  options=(-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 -o APT::Update::Error-Mode=any)
  if ! { apt-get "${options[@]}" update && apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"; }; then
    echo "workstation: packages could not be installed: ${missing[*]}"
    exit 1
  fi
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*
fi

# A node's programs and state have no place here. kubectl stays, and so does the
# program that it is a name of in some images.
for command in kubeadm kubelet containerd containerd-shim-runc-v2 containerd-fuse-overlayfs containerd-stargz-grpc \
  ctr crictl nerdctl buildctl runc runc.real crun entrypoint clean-install kube-proxy kube-apiserver kube-controller-manager kube-scheduler etcd; do
  rm -f {/usr/local,/usr,}/{bin,sbin}/"$command"
done
rm -rf /kind /opt/cni /etc/cni /etc/kubernetes /etc/containerd /var/lib/containerd /var/lib/kubelet /etc/systemd/system/{kubelet,containerd}*

# Nobody becomes somebody else here.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

if command -v useradd >/dev/null; then
  useradd --uid "$STUDENT_UID" --user-group --create-home --shell /bin/bash student
else # a system without Debian's package passwd
  echo "student:x:$STUDENT_UID:$STUDENT_UID::/home/student:/bin/bash" >>/etc/passwd
  echo "student:x:$STUDENT_UID:" >>/etc/group
  install -d -m 0700 -o "$STUDENT_UID" -g "$STUDENT_UID" /home/student
fi
install -m 0755 "$parts/wheelhouse-agent" /usr/local/bin/wheelhouse-agent
install -m 0644 "$parts/bashrc" /etc/bash.bashrc
install -m 0644 "$parts/nanorc" /etc/nanorc
rm -f /etc/skel/.[!.]* # its .bashrc would undo ours
install -m 0644 "$parts/profile" /etc/skel/.profile
if editor=$(command -v nano || command -v vi); then
  ln -sf "$editor" /usr/local/bin/editor
else
  printf '%s\n' '#!/bin/sh' 'echo "This workstation was built without a network and has no editor: use kubectl patch, set or apply." >&2' 'exit 1' \
    >/usr/local/bin/editor
  chmod 0755 /usr/local/bin/editor
fi
mkdir -p /run/wheelhouse /usr/share/bash-completion/completions

# Read by bash-completion when Tab is first pressed after the command's name.
kubectl completion bash >/usr/share/bash-completion/completions/kubectl
install -m 0644 "$parts/k.bash" /usr/share/bash-completion/completions/k

rm -rf "$parts"
