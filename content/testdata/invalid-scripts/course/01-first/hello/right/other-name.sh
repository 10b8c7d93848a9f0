# step: nothing
kubectl version
