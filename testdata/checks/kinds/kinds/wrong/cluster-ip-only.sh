# after: serve
# step: outside
# check: node-port
# message: has no port on the nodes; its type is ClusterIP
kubectl get service web
