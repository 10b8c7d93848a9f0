# step: ask
# check: version
# message: says version v1.9.0, which no node of this cluster has
kubectl create configmap notes --from-literal=version=v1.9.0
