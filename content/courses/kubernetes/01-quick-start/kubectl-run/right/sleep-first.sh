# step: arguments
kubectl run clock --image=busybox:1.36 --command -- sh -c 'while sleep 1; do date +%T; done'
