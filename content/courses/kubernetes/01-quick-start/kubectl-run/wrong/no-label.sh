# step: manifest
# check: pod
# message: Want the label tier=front on the Pod api, and its labels are run=api
kubectl run api --image=nginx:1.28
