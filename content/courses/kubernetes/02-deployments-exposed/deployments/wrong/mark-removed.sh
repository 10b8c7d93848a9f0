# after: mark
# step: heal
# check: replaced
# message: A Pod of the Deployment web has no mark, but is as old as the Deployment's first Pods
kubectl label pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')" batch-
