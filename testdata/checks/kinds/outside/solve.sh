# step: serve
kubectl create deployment web --image=nginx:1.27
kubectl expose deployment web --port=80 --type=LoadBalancer
kubectl rollout status deployment/web
