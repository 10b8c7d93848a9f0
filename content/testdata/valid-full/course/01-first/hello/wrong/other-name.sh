# step: create
# check: exists
# message: there is no ConfigMap named hello in namespace default
kubectl create configmap hallo --from-literal=a=b
