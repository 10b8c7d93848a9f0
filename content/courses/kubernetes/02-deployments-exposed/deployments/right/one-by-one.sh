# after: create
# step: mark
for pod in $(kubectl get pods --selector app=web -o name); do kubectl annotate "$pod" seen=yes; kubectl label "$pod" batch="$RANDOM"; done
