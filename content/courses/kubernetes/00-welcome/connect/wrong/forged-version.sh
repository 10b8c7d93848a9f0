# step: ask
# check: version
# message: was written by hand (kubectl-patch)
kubectl create configmap notes --from-literal=version=v9.9.9
kubectl patch node "$(kubectl get nodes -o jsonpath='{.items[0].metadata.name}')" --subresource=status --patch '{"status": {"nodeInfo": {"kubeletVersion": "v9.9.9"}}}'
