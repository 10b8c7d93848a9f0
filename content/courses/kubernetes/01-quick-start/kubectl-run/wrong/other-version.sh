# step: server
# check: pod
# message: Want the image nginx:1.27, and the Pod web asks for nginx:1.28
kubectl run web --image=nginx:1.28
