# step: run
# check: pod
# message: the Pod is
kubectl run web --image=busybox:1.36 -- false
