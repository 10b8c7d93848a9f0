# step: choose
# check: word
# message: the file /tmp/word holds "", which is not the value of WORD
kubectl exec pair -c notes -- sh -c "echo $WORD > /tmp/word"
