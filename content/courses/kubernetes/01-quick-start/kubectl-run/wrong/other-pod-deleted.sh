# after: manifest
# step: delete
# check: gone
# message: the Pod web is still there
kubectl delete pod api
