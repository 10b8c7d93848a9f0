# step: serve
# check: address
# message: has no address outside
kubectl create deployment web --image=nginx:1.27
kubectl expose deployment web --port=80
kubectl rollout status deployment/web
