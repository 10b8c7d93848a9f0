# step: choose
# check: word
# message: There is no file /tmp/word in the container notes of the Pod pair
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec pair -- sh -c 'echo marmalade > /tmp/word'
