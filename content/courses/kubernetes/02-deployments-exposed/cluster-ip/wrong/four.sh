# after: expose
# step: follow
# check: endpoints
# message: wanted 5 replicas, and the Deployment hello asks for 3
kubectl get endpointslices
