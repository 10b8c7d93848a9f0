# step: server
# check: answers
# message: could not be run in Pod web
kubectl run web --image=nginx:1.27 --overrides='{"spec": {"nodeName": "nowhere"}}'
kubectl patch pod web --subresource=status --field-manager=kubelet --patch '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "web", "image": "nginx:1.27", "imageID": "nginx", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}}'
