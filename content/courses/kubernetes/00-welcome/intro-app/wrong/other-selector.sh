# after: deploy
# step: expose
# check: service
# message: The Service intro selects app=into, and no Pod of the Deployment intro carries that
kubectl expose deployment intro --port=80 --target-port=8080 --selector=app=into
