# step: serve
# check: service
# message: nothing listens on that port of its pods
kubectl create deployment web --image=nginx:1.27
kubectl create service clusterip web --tcp=80:81
kubectl rollout status deployment/web
