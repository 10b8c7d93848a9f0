# step: settings
# check: greeting
# message: in the ConfigMap settings it says "helo"
kubectl create configmap settings --from-literal=greeting=helo
