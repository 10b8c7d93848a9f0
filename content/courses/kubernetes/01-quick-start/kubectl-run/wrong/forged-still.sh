# step: arguments
# check: prints
# message: The clock stands still
kubectl run clock --image=busybox:1.36 -- sh -c 'now=$(date); while true; do echo $now; sleep 1; done'
