# step: expose
kubectl expose deployment hello --port=80 --target-port=8080 --type=LoadBalancer
