# step: create
kubectl create deployment web --image=docker.io/library/nginx:1.27 --replicas=2 --dry-run=client -o yaml > web.yaml
kubectl apply -f web.yaml
