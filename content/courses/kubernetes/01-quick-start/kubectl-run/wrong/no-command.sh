# step: arguments
# check: pod
# message: The Pod clock has no command of yours
kubectl run clock --image=busybox:1.36
