# step: expose
# check: service
# message: The Service hello sends requests to port 80 of the Pods, where nobody listens
kubectl expose deployment hello --port=80
