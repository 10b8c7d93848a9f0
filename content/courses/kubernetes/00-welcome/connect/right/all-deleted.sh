# after: change
# step: delete
kubectl delete configmap --all
