# step: flash
# check: came
# message: There is no ConfigMap named flash
kubectl create configmap after --from-literal=light=off
