# step: arguments
# check: pod
# message: The container of the Pod clock has ended
kubectl run clock --image=busybox:1.36 -- date
