# after: change
# step: delete
# check: gone
# message: the ConfigMap notes is still there
kubectl get configmaps
