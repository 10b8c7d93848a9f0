# step: expose
kubectl expose deployment hello --port=80 --target-port=8080

# step: call
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl run caller --image=busybox:1.36 --restart=Never -- wget -qO- http://hello

# step: follow
kubectl scale deployment hello --replicas=5

# step: mend
kubectl set selector service shop app=shop
