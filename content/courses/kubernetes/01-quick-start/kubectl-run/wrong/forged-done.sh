# step: once
# check: greeted
# message: The log of Pod hello could not be read
kubectl run hello --image=busybox:1.36 --restart=Never --overrides='{"spec": {"nodeName": "nowhere"}}' -- echo "hello from a Pod"
kubectl patch pod hello --subresource=status --field-manager=kubelet --patch '{"status": {"phase": "Succeeded", "containerStatuses": [{"name": "hello", "image": "busybox:1.36", "imageID": "busybox", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}'
