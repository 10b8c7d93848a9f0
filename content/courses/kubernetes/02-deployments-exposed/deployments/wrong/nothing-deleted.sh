# after: mark
# step: heal
# check: replaced
# message: All Pods of the Deployment web are those that you marked, so none has been replaced
kubectl get pods
