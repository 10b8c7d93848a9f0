# step: choose
# check: word
# message: there is no file /tmp/word in the container notes of the Pod pair
kubectl exec pair -- sh -c 'echo marmalade > /tmp/word'
