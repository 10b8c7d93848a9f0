# step: arguments
# check: prints
# message: The Pod clock has printed 0 lines
kubectl run clock --image=busybox:1.36 -- sh -c 'while true; do sleep 1; done # date'
