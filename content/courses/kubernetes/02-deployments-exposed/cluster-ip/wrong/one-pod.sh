# step: expose
# check: service
# message: want all Pods of the Deployment hello and no others
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl label pod "$(kubectl get pods --selector app=hello -o jsonpath='{.items[0].metadata.name}')" page=first
kubectl expose deployment hello --port=80 --target-port=8080 --selector=page=first
