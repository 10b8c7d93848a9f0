. /usr/share/bash-completion/completions/kubectl
complete -o default -F __start_kubectl k
