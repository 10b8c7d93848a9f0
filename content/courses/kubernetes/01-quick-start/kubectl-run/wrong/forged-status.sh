# step: server
# check: pod
# message: The status of Pod default/web was written by hand (kubectl-patch)
kubectl run web --image=nginx:1.27 --overrides='{"spec": {"nodeName": "nowhere"}}'
kubectl patch pod web --subresource=status --patch '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}'
