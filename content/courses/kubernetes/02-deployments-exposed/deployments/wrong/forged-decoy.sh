# step: heal
# check: replaced
# message: A Pod of the Deployment web has no mark, but is as old as the Deployment's first Pods
kubectl run web-decoy --image=nginx:1.27
kubectl wait --for=condition=Ready pod/web-decoy --timeout=60s
kubectl create deployment web --image=nginx:1.27 --replicas=2
kubectl delete pod web-decoy --now
kubectl rollout status deployment/web
kubectl label pods --selector app=web batch=first
sleep 3
kubectl label pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')" batch-
