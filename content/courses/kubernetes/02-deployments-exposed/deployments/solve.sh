# step: create
kubectl create deployment web --image=nginx:1.27 --replicas=2
kubectl rollout status deployment/web

# step: mark
kubectl label pods --selector app=web batch=first

# step: heal
kubectl delete pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')"
kubectl rollout status deployment/web

# step: scale
kubectl scale deployment web --replicas=4
kubectl rollout status deployment/web

# step: update
kubectl set image deployment/web nginx=nginx:1.28
kubectl rollout status deployment/web
