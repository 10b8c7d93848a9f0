# after: change
# step: delete
# check: gone
# message: The ConfigMap notes is still there
kubectl get configmaps
