# step: run
kubectl apply --filename=web.yaml
