# step: arguments
# check: steady
# message: for 4 seconds it has not started a command again
kubectl run clock --image=busybox:1.36 -- sh -c 'date; sleep 10'
