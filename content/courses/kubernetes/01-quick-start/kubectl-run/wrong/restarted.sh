# step: once
# check: pod
# message: The Pod hello has the restart policy Always
kubectl run hello --image=busybox:1.36 -- echo "hello from a Pod"
