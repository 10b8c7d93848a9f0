# after: create
# step: mark
# check: marked
# message: Only 1 of 2 Pods carry the label batch
kubectl label pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')" batch=first
