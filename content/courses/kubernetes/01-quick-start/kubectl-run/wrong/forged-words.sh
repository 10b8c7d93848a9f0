# step: arguments
# check: prints
# message: Want a Pod that prints the time
kubectl run clock --image=busybox:1.36 -- sh -c 'while true; do echo this is the date; sleep 1; done'
