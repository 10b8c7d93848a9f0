# step: choose
# check: word
# message: The Pod pair is not the one that was started for you
kubectl delete pod pair --now
kubectl run pair --image=busybox:1.36 --overrides='{"spec": {"containers": [{"name": "notes", "image": "busybox:1.36", "command": ["sh", "-c", "echo marmalade > /tmp/word; sleep 3600"]}]}}'
kubectl wait --for=condition=Ready pod/pair --timeout=60s
