# step: serve
# check: service
# message: it has no pod that is ready
kubectl create deployment wbe --image=nginx:1.27
kubectl create service clusterip web --tcp=80
