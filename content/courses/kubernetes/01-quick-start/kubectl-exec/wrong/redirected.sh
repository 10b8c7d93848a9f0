# step: shell
# check: file
# message: There is no file /tmp/where in the Pod web
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec web -- hostname > where
