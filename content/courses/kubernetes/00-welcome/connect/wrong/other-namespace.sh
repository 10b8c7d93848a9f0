# step: ask
# check: note
# message: There is no ConfigMap named notes in namespace default; one exists in namespace sandbox
kubectl create namespace sandbox
kubectl create configmap notes --namespace=sandbox --from-literal=version=v1.36.3
