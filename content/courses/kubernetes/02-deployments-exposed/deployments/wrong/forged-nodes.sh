# step: create
# check: deployment
# message: The ready Pods are not all made from the template of the Deployment web and on a node that the cluster has
kubectl create -f - <<< '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"nodeName": "nowhere", "containers": [{"name": "nginx", "image": "nginx:1.27"}]}}}}'
sleep 1
for pod in $(kubectl get pods --selector app=web -o name); do kubectl patch "$pod" --subresource=status --field-manager=kubelet --patch '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}'; done
