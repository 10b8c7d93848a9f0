# after: page
# step: choose
kubectl exec pair --container=notes -- sh -c 'env | sed -n "s/^WORD=//p" > /tmp/word'
