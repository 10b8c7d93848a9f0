# after: deploy
# step: expose
kubectl expose deployment intro --port=80 --target-port=8080 --type=NodePort
