# step: talk
# check: said
# message: The pod talk said: bye.
kubectl run talk --image=busybox:1.36 -- sh -c 'echo bye; exec sleep 3600'
kubectl wait pod/talk --for=condition=Ready --timeout=60s
