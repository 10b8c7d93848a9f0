# step: expose
# check: service
# message: The Service hello selects app=client, and none of the Pods of the Deployment hello carries that
kubectl expose deployment hello --port=80 --target-port=8080 --selector=app=client
