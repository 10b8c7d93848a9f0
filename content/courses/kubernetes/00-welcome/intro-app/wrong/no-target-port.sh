# after: deploy
# step: expose
# check: service
# message: The Service intro sends requests to port 80 of the Pod, where nobody listens
kubectl expose deployment intro --port=80
