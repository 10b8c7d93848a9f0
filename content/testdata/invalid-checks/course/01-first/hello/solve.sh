# step: create
kubectl get pods
# answer asked: b
# answer nobody: c
