# step: nothing
kubectl version
# message: too late
