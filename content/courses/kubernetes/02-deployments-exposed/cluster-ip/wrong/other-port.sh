# step: expose
# check: service
# message: Want a Service that listens on port 80, and the Service hello listens on 8080
kubectl expose deployment hello --port=8080
