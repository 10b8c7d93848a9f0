# step: arguments
# check: pod
# message: the Pod clock has no command of yours
kubectl run clock --image=busybox:1.36
