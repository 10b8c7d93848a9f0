# step: choose
# check: word
# message: The file /tmp/word holds "", which is not the value of WORD
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec pair -c notes -- sh -c "echo $WORD > /tmp/word"
