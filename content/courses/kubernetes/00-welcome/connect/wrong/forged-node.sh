# step: ask
# check: version
# message: The nodes of this cluster have several versions
kubectl create -f - <<< '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "elsewhere"}, "status": {"nodeInfo": {"kubeletVersion": "v9.9.9"}}}'
kubectl create configmap notes --from-literal=version=v9.9.9
