# step: create
# check: exists
# message: the ConfigMap hello is empty
kubectl create configmap hello
