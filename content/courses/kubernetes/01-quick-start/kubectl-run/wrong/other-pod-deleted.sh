# after: manifest
# step: delete
# check: gone
# message: The Pod web is still there
kubectl delete pod api
