# step: ask
version=$(kubectl get nodes -o jsonpath='{.items[0].status.nodeInfo.kubeletVersion}')
kubectl create configmap notes --from-literal=version="$version"

# step: change
kubectl patch configmap notes --patch '{"data": {"dns": "kube-system"}}'

# step: delete
kubectl delete configmap notes
