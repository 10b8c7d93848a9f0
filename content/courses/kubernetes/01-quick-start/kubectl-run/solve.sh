# step: server
kubectl run web --image=nginx:1.27
kubectl wait --for=condition=Ready pod/web --timeout=60s

# step: arguments
kubectl run clock --image=busybox:1.36 -- sh -c 'while true; do date; sleep 1; done'

# step: once
kubectl run hello --image=busybox:1.36 --restart=Never -- echo "hello from a Pod"

# step: manifest
kubectl run api --image=nginx:1.28 --dry-run=client -o yaml > api.yaml
sed -i 's/^    run: api$/&\n    tier: front/' api.yaml
kubectl apply -f api.yaml

# step: delete
kubectl delete pod web
