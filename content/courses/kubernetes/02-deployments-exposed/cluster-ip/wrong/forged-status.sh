# after: expose
# step: call
# check: answer
# message: The log of Pod caller could not be read
kubectl run caller --image=busybox:1.36 --restart=Never --overrides='{"spec": {"nodeName": "nowhere"}}' -- wget -qO- http://hello
kubectl patch pod caller --subresource=status --field-manager=kubelet --patch '{"status": {"phase": "Succeeded", "containerStatuses": [{"name": "caller", "image": "busybox:1.36", "imageID": "busybox", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}'
