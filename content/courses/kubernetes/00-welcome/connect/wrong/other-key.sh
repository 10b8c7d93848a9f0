# step: ask
# check: note
# message: has no value under the key version; its keys are: Version
kubectl create configmap notes --from-literal=Version=v1.36.3
