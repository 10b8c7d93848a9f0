# step: serve
# check: port
# message: DNS does not know the port http
kubectl create deployment web --image=nginx:1.27
kubectl create service clusterip web --tcp=80
