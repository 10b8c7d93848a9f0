# after: server
# step: delete
kubectl delete pods --all --now
