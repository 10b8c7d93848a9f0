# step: settings
kubectl create configmap settings --from-literal=greeting=hello

# step: deployment
kubectl create deployment web --image=nginx:1.27
kubectl set env deployment/web --from=configmap/settings
kubectl rollout status deployment/web
