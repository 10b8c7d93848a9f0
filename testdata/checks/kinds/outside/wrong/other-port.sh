# step: serve
# check: address
# message: the connection is refused
kubectl create deployment web --image=nginx:1.27
kubectl expose deployment web --port=81 --target-port=82 --type=LoadBalancer
kubectl rollout status deployment/web
