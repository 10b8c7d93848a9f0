# after: deploy
# step: change
kubectl create configmap me --from-literal=LIKES=tea
kubectl set env deployment/intro --from=configmap/me
