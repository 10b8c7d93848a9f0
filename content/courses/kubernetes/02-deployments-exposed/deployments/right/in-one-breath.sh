# step: heal
kubectl create deployment web --image=nginx:1.27 --replicas=2 && kubectl rollout status deployment/web && kubectl label pods --selector app=web batch=first && kubectl delete pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')"
