# step: create
kubectl create configmap hello --from-literal=a=b
